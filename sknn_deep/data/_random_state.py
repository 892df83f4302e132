"""The generator of a fit's random numbers."""

from numbers import Integral

import numpy as np
from numpy.random.bit_generator import ISeedSequence
from sklearn.utils import check_random_state


class _Zeros(ISeedSequence):
    """Seeds with zeros what is to be seeded anew."""

    def generate_state(self, n_words, dtype=np.uint32):
        return np.zeros(n_words, dtype)


def random_state_of(random_state) -> np.random.RandomState:
    """Make the generator of a fit; None draws its seed from NumPy's global one."""
    if random_state is None:
        random_state = check_random_state(None).randint(np.iinfo(np.int32).max)
    if not isinstance(random_state, Integral):
        return check_random_state(random_state)
    # RandomState(seed) takes three times as long: at first it is seeded by the system.
    generator = np.random.RandomState(np.random.MT19937(_Zeros()))
    generator.seed(random_state)
    return generator
