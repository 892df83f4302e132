"""A parameter that got another name: both work, the old one with a warning."""

import re

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone

from sknn_deep.parameters._renamed_parameters import DEPRECATED, resolve_renamed


class Renamed(BaseEstimator):
    def __init__(self, n_units=10, width=DEPRECATED):
        self.n_units = n_units
        self.width = width

    def resolve(self):
        return resolve_renamed(self, "width", "n_units", removed_in="0.4")


def test_new_name_is_taken_without_a_word():
    assert clone(Renamed(n_units=20)).resolve() == 20


@pytest.mark.parametrize("value", [5, None, "auto", np.arange(3)], ids=repr)
def test_old_name_is_taken_with_a_warning(value):
    message = (
        "The parameter 'width' of Renamed is called 'n_units' now, and is removed in "
        f"version 0.4. Write n_units={value!r}."
    )
    with pytest.warns(FutureWarning, match=re.escape(message)):
        assert Renamed(width=value).resolve() is value
