"""Weights that may be changed where they are, if at all, and not replaced."""


class Views(list):
    """A list of arrays that are views of a network: another array would be lost.

    Arrays that are no views are read-only, so that no number is lost either. A copy or
    a pickle has arrays of its own, and is a list as any.
    """

    def __setitem__(self, index, value):
        if value is self[index]:  # after `views[0] *= 2`, which writes into one
            return
        if not self[0].flags.writeable:
            raise TypeError(
                "coefs_ and intercepts_ are computed from this network, or copied from "
                "its device, and are read-only. Change net_.module_ instead."
            )
        raise TypeError(
            "coefs_ and intercepts_ are views of the network, and none of them can be "
            "replaced. Write into one: coefs_[0][:] = array."
        )

    def __reduce__(self):
        return list, (list(self),)
