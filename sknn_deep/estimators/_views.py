"""Weights that may be changed where they are, and not replaced."""


class Views(list):
    """A list of arrays that are views of a network: another array would be lost."""

    def __setitem__(self, index, value):
        raise TypeError(
            "coefs_ and intercepts_ are views of the network, and none of them can be "
            "replaced. Write into one: coefs_[0][:] = array."
        )
