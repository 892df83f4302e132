"""What is asked for by who exports."""

from typing import NamedTuple

import numpy as np


class Export(NamedTuple):
    """What is asked for.

    Attributes
    ----------
    function : str
        Name of the function that the user called.

    dtype : dtype or None
        Of all parts; None is that of the networks.

    is_raw : bool
        Whether the last network's output is left as it is before its activation.

    wider : str
        How the user asks for float64.
    """

    function: str
    dtype: np.dtype | None
    is_raw: bool
    wider: str


def check_output(output: str, allowed: tuple[str, ...], function: str) -> None:
    if output not in allowed:
        raise ValueError(
            f"output of {function} must be one of {', '.join(map(repr, allowed))}. Got "
            f"{output!r}."
        )
