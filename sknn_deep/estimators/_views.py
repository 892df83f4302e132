"""Weights that may be changed where they are, and not replaced."""


class Views(list):
    """A list of arrays that are views of a network: another array would be lost.

    A copy or a pickle has arrays of its own, and is a list as any.
    """

    def __setitem__(self, index, value):
        if value is self[index]:  # after `views[0] *= 2`, which writes into one
            return
        raise TypeError(
            "coefs_ and intercepts_ are views of the network, and none of them can be "
            "replaced. Write into one: coefs_[0][:] = array."
        )

    def __reduce__(self):
        return list, (list(self),)
