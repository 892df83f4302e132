"""Rows that are not trained on: the user's, or some that are split off."""

from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import get_tags

from sknn_deep.data._data import as_array_like


def has_validation_set(
    X_val, y_val, sample_weight_val, estimator: BaseEstimator
) -> bool:
    """Tell whether there is a validation set; refuse half of one."""
    if X_val is None and y_val is None and sample_weight_val is None:
        return False
    if X_val is None or y_val is None:
        raise ValueError(
            f"{type(estimator).__name__}.fit needs X_val and y_val together. Got "
            f"{'no X_val' if X_val is None else 'no y_val'}."
        )
    return True


@contextmanager
def of_the_validation_set(X_val, estimator: BaseEstimator):
    """Let errors about X, y or weights say that those of the validation set are meant.

    scikit-learn's checks know them by no other names.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        error.add_note("This is about the validation set: X_val and what goes with it.")
        if isinstance(error, ValueError) and _is_as_before_a_pipeline(X_val, estimator):
            with_advice = ValueError(f"{error}\n{advise_on_a_pipeline(estimator)}")
            with_advice.__notes__ = error.__notes__
            raise with_advice from error
        raise


def advise_on_a_pipeline(estimator: BaseEstimator) -> str:
    """Tell how a Pipeline transforms X_val."""
    return (
        "In a Pipeline, X_val comes past the steps before the "
        f"{type(estimator).__name__}, unless the Pipeline is to transform it too: "
        "sklearn.set_config(enable_metadata_routing=True), "
        'Pipeline(..., transform_input=["X_val"]), and '
        "set_fit_request(X_val=True, ...) of the network."
    )


def _is_as_before_a_pipeline(X_val, estimator: BaseEstimator) -> bool:
    """Tell whether these rows have other columns than those that are fitted, or text.

    It looks at rows that were refused. Text is nothing that tables are refused for.
    """
    shape = getattr(X_val, "shape", np.shape(X_val))
    if len(shape) == 2 and shape[1] != estimator.n_features_in_:
        return True
    if issparse(X_val) or get_tags(estimator).input_tags.string:
        return False
    return np.asarray(as_array_like(X_val)).dtype.kind in "OUS"


def split_rows(
    rows: np.ndarray,
    *,
    stratify: np.ndarray | None,
    validation_fraction: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Split row numbers into those to train on and those to validate on.

    `stratify` has an entry for each row there is, or is None.
    """
    train, valid = train_test_split(
        rows,
        test_size=validation_fraction,
        stratify=None if stratify is None else stratify[rows],
        random_state=random_state,
    )
    if len(valid) < 2:
        of = (
            ""
            if stratify is None
            else f" of {len(np.unique(stratify[rows]))} class(es)"
        )
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the "
            f"size of your dataset. Got {len(valid)} of {len(rows)} rows{of} whose "
            "weight is positive."
        )
    return train, valid
