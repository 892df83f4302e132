"""What a pass of rows through a network was seen to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ForwardPass:
    """What is not told by the parameters of a network.

    Attributes
    ----------
    n_products : float
        Multiplications for each row.

    n_units : int
        Numbers for each row in the largest array that a layer gives.

    draws_globally : bool
        Whether it draws from torch's global generator while training.

    takes_integers : bool
        Whether it is given whole numbers as they are.
    """

    n_products: float
    n_units: int
    draws_globally: bool
    takes_integers: bool
