"""What is predicted: from the user's ``y`` to the network's targets, and back."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)

_TINY = 1e-9  # share of a class that never occurs
_MANY_CLASSES = 100  # of fewer numbers nothing is said
_FEW_ROWS = 5  # of a class, on the average
_MOST_NAMED = 5  # labels in a message
# What learns numbers in the place of a classifier; for all others MLPRegressor.
_REGRESSORS = {
    "NetClassifier": "NetRegressor",
    "TabularMLPClassifier": "TabularMLPRegressor",
}
_KINDS = ("binary", "multiclass", "multilabel-indicator", "multiclass-multioutput")


@dataclass(frozen=True)
class ClassTarget:
    """Class labels of any type.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)

    kind : {"binary", "multiclass", "multilabel"}
        Two classes, or one, are told by one output; so is each of several labels.
    """

    classes: np.ndarray
    kind: Literal["binary", "multiclass", "multilabel"]

    @classmethod
    def of(cls, y: np.ndarray, classes: np.ndarray | None = None) -> "ClassTarget":
        """Learn the classes of `y`, or take those that are given."""
        if _is_vector_of_labels(y):
            seen = np.unique(y)
            if _are_few(len(seen), len(y)):
                return cls._of_classes(seen if classes is None else classes)
        with np.errstate(over="ignore", invalid="ignore"):  # of what is refused
            kind = type_of_target(y, input_name="y")
            if kind not in _KINDS:
                check_classification_targets(y)  # says what is wrong
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Multioutput target data is not supported: y of several columns must "
                "hold only 0 and 1 (one column per label). Use MultiOutputClassifier "
                "for several targets with classes of their own."
            )
        if kind == "multilabel-indicator":
            return cls(np.arange(y.shape[1]), "multilabel")
        return cls._of_classes(np.unique(y) if classes is None else classes)

    @classmethod
    def _of_classes(cls, classes: np.ndarray) -> "ClassTarget":
        return cls(classes, "multiclass" if len(classes) > 2 else "binary")

    def warn_of_one_hot(self, y: np.ndarray, *, owner: str) -> None:
        """Warn of labels that exclude each other, as of Keras' ``to_categorical``."""
        if self.kind != "multilabel" or y.shape[1] < 3:
            return
        if np.all(np.count_nonzero(y, axis=1) == 1):
            warnings.warn(
                f"y of {owner} has exactly one 1 in each row, as one-hot classes have, "
                f"and is learnt as {y.shape[1]} labels that do not exclude each other. "
                "If they do, pass the classes: y.argmax(axis=1).",
                UserWarning,
                stacklevel=2,
            )

    def warn_of_quantities(self, n_rows: int, *, owner: str) -> None:
        """Warn of numbers that are hardly labels: many, with gaps, and few rows each.

        Labels that number something, as persons, go up one by one, but for those that a
        split has left out.
        """
        n_classes = len(self.classes)
        if n_classes <= _MANY_CLASSES or n_classes * _FEW_ROWS < n_rows:
            return
        if self.kind != "multiclass" or self.classes.dtype.kind not in "iuf":
            return
        if float(self.classes[-1]) - float(self.classes[0]) >= 2 * n_classes:
            warnings.warn(
                f"y of {owner} has {n_classes} different numbers in {n_rows} rows, "
                "each of which is learnt as a class of its own. If they tell how much, "
                f"use a regressor, such as {_REGRESSORS.get(owner, 'MLPRegressor')}.",
                UserWarning,
                stacklevel=2,
            )

    @property
    def n_outputs(self) -> int:
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def out_activation(self) -> str:
        return "softmax" if self.kind == "multiclass" else "logistic"

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Turn labels into what the loss takes.

        Returns
        -------
        target : ndarray
            int64 class numbers of shape (n_samples,) for more than two classes, else
            bool of shape (n_samples, n_outputs).
        """
        if self.kind == "multilabel":
            return np.asarray(y) != 0
        codes = np.searchsorted(self.classes, y)
        if self.kind == "multiclass":
            return codes.astype(np.int64, copy=False)
        # A single class is the negative one, as in scikit-learn.
        return (codes == 1)[:, None]

    def constant_output(
        self, target: np.ndarray, weight: np.ndarray | None
    ) -> np.ndarray:
        """Give the outputs that stand for the classes' frequencies, before activation.

        `target` is in the form of :meth:`encode`.
        """
        if self.kind == "multiclass":
            counts = np.bincount(target, weights=weight, minlength=self.n_outputs)
            return np.log(np.maximum(counts / counts.sum(), _TINY))
        share = np.average(target, axis=0, weights=weight).clip(_TINY, 1 - _TINY)
        return np.log(share / (1 - share))

    def class_numbers(self, probabilities: np.ndarray) -> np.ndarray:
        """Decide for each row, in the form of :meth:`encode`."""
        if self.kind == "multiclass":
            return probabilities.argmax(axis=1)
        if self.kind == "binary" and len(self.classes) == 1:
            return np.zeros_like(probabilities, dtype=bool)
        return probabilities > 0.5

    def decode(self, probabilities: np.ndarray) -> np.ndarray:
        """Turn activated outputs into labels."""
        numbers = self.class_numbers(probabilities)
        if self.kind == "multilabel":
            return numbers.astype(np.int64)
        if self.kind == "binary":
            numbers = numbers[:, 0].astype(np.intp)
        return self.classes[numbers]

    def probabilities(self, activated: np.ndarray) -> np.ndarray:
        """Turn activated outputs into one column per class."""
        if self.kind != "binary":
            return activated
        if len(self.classes) == 1:
            return np.ones_like(activated)
        return np.hstack([1 - activated, activated])

    def check_known(
        self, y: np.ndarray, *, warm_start: bool = False, is_validation: bool = False
    ) -> None:
        """Refuse classes that the network has no outputs for."""
        if self.kind == "multilabel":
            if y.ndim != 2 or y.shape[1] != len(self.classes):
                raise ValueError(
                    f"y must have one column for each of the {len(self.classes)} "
                    f"labels seen in the first fit. Got shape {y.shape}."
                )
            return
        if not warm_start and self._has_all_of(y):
            return
        if y.ndim != 1:
            raise ValueError(
                "y must be one label for each row, as in the first fit, not several "
                f"columns. Got shape {y.shape}."
            )
        seen = unique_labels(y)
        if warm_start and set(seen) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes}, `y` has {seen}"
            )
        try:
            unknown = np.setdiff1d(seen, self.classes)
        except TypeError:  # numbers and dates, say, have no common type
            unknown = seen
        if len(unknown) == len(seen) > 0 and is_validation:
            raise ValueError(
                f"`y_val` has no class that `y` has: {_name_some(unknown)}. `y` has "
                f"{_name_some(self.classes)}: pass labels of the same kind."
            )
        if len(unknown) and is_validation:
            raise ValueError(
                f"`y_val` has classes that `y` has not: {_name_some(unknown)}. Leave "
                "out their rows, or fit to rows of these classes too."
            )
        if len(unknown):
            raise ValueError(
                f"`y` has classes not in `self.classes_`: {_name_some(unknown)}. "
                f"`self.classes_` has {_name_some(self.classes)}. Pass all that will "
                "ever come as `classes` of the first call of partial_fit."
            )

    def _has_all_of(self, y: np.ndarray) -> bool:
        """Tell whether these are known labels, which nothing is to be said of."""
        if not _is_vector_of_labels(y) or y.dtype.kind != self.classes.dtype.kind:
            return False
        if not _are_few(len(self.classes), len(y)):
            return False
        codes = np.searchsorted(self.classes, y)
        last = len(self.classes) - 1
        return np.array_equal(self.classes[np.minimum(codes, last)], y)


def _name_some(labels: np.ndarray) -> str:
    """Write labels, the first ones if there are many."""
    named = ", ".join(repr(label) for label in labels[:_MOST_NAMED].tolist())
    n_others = len(labels) - _MOST_NAMED
    return f"{named} and {n_others} others" if n_others > 0 else named


def _is_vector_of_labels(y: np.ndarray) -> bool:
    """Tell whether y can be nothing but a class for each row: whole numbers or text."""
    return y.ndim == 1 and y.dtype.kind in "biuU"


def _are_few(n_classes: int, n_rows: int) -> bool:
    """Tell whether ``type_of_target`` does not warn of as many classes.

    Until scikit-learn 1.9 is the oldest: there it never does.
    """
    return n_rows <= 20 or n_classes <= n_rows // 2


@dataclass(frozen=True)
class NumberTarget:
    """Numbers, in one column or several.

    Attributes
    ----------
    n_outputs : int
        Of the network: one for each column of y, or for each of the quantiles.

    out_activation : str

    mean, scale : ndarray of shape (n_columns,) or None
        What standardization subtracts and divides by.

    quantiles : tuple of float or None
        Those that are predicted of one column, if there are several outputs for it.
    """

    n_outputs: int
    out_activation: str
    mean: np.ndarray | None = None
    scale: np.ndarray | None = None
    quantiles: tuple[float, ...] | None = None

    @classmethod
    def of(
        cls,
        y: np.ndarray,
        weight: np.ndarray | None,
        *,
        out_activation: str,
        normalize: bool,
        quantiles: tuple[float, ...] | None = None,
    ) -> "NumberTarget":
        """Learn the number of columns, and their weighted mean and deviation."""
        columns = y.reshape(len(y), -1)
        n_outputs = columns.shape[1] if quantiles is None else len(quantiles)
        if not normalize:
            return cls(n_outputs, out_activation, quantiles=quantiles)
        columns = columns.astype(np.float64, copy=False)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(columns, axis=0, weights=weight)
            variance = np.average((columns - mean) ** 2, axis=0, weights=weight)
        if not np.isfinite(variance).all():
            raise ValueError(
                "normalize_y=True cannot standardize y, whose squares are too large to "
                f"be summed. y ranges from {y.min():.3g} to {y.max():.3g}: divide it "
                "by a constant first."
            )
        scale = np.sqrt(variance)
        scale[scale == 0] = 1.0  # a constant column
        return cls(n_outputs, out_activation, mean, scale, quantiles)

    @property
    def n_columns(self) -> int:
        return self.n_outputs if self.quantiles is None else 1

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Turn numbers into targets of shape (n_samples, n_columns)."""
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != self.n_columns:
            raise ValueError(
                f"y must have {self.n_columns} column(s), as in the first fit. Got "
                f"{columns.shape[1]}."
            )
        return columns if self.mean is None else (columns - self.mean) / self.scale

    def uncross(self, activated: np.ndarray) -> np.ndarray:
        """Put several quantiles of a row in order.

        Sorted ones lose no more than they did before: Chernozhukov, V., Fernandez-Val,
        I. and Galichon, A. "Quantile and probability curves without crossing."
        Econometrica 78 (2010), 1093-1125. https://doi.org/10.3982/ECTA7880
        """
        return activated if self.quantiles is None else np.sort(activated, axis=-1)

    def decode(self, activated: np.ndarray) -> np.ndarray:
        """Turn activated outputs into numbers; one column becomes a vector.

        Those of a standardized target are float64: in float32 a mean that is large
        beside the deviation would take the digits that tell predictions apart.
        """
        if self.mean is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                activated = activated * self.scale + self.mean
        return self._shape(activated)

    def decode_deviation(self, deviation: np.ndarray) -> np.ndarray:
        """Turn standard deviations of activated outputs into those of numbers."""
        if self.scale is not None:
            deviation = deviation * self.scale
        return self._shape(deviation)

    def _shape(self, numbers: np.ndarray) -> np.ndarray:
        is_vector = self.n_outputs == 1 and self.quantiles is None
        return numbers[:, 0] if is_vector else numbers
