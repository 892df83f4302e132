"""A fitted estimator as a torch module that needs nothing else."""

import copy
from collections.abc import Iterator

import torch
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sknn_deep._sklearn_private import clips
from sknn_deep.estimators import (
    AutoencoderTransformer,
    MLPClassifier,
    MLPRegressor,
)
from sknn_deep.modules import BatchNorm, Dense, DenseBlock, Dropout


class Sequential(nn.Sequential):
    """``torch.nn.Sequential`` that takes a single row too, as ``torch.func.vmap`` asks.

    Shape
    -----
    Input ``(n_rows, n_columns)`` or ``(n_columns,)``; output that of the last module,
    of a single row ``(n_outputs,)``.
    """

    def forward(self, X: Tensor) -> Tensor:
        output = X[None] if X.ndim == 1 else X  # BatchNorm1d takes no single row
        for module in self:
            output = module(output)
        return output[0] if X.ndim == 1 and output.ndim > 1 else output


class Cast(nn.Module):
    """Gives numbers of one type, whatever type comes.

    Shape
    -----
    Input and output: ``(*)``, any shape.
    """

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, X: Tensor) -> Tensor:
        return X.to(self.dtype)

    def extra_repr(self) -> str:
        return str(self.dtype)


class Affine(nn.Module):
    """Gives ``(X - before) * factor / divisor + after``, computed in float64.

    Parameters
    ----------
    before, factor, divisor, after : ndarray of shape (n_columns,) or float

    Shape
    -----
    Input and output: ``(*, n_columns)``.
    """

    def __init__(self, *, before=0.0, factor=1.0, divisor=1.0, after=0.0):
        super().__init__()
        terms = {"before": before, "factor": factor, "divisor": divisor, "after": after}
        for name, value in terms.items():
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))

    def forward(self, X: Tensor) -> Tensor:
        shifted = X.to(self.before.dtype) - self.before  # (n_rows, n_columns)
        return shifted * self.factor / self.divisor + self.after


class Exp(nn.Module):
    """The exponential function of each element.

    Shape
    -----
    Input and output: ``(*)``, any shape.
    """

    def forward(self, X: Tensor) -> Tensor:
        return torch.exp(X)


class BothClasses(nn.Module):
    """The probabilities of two classes from that of the second.

    Shape
    -----
    Input ``(*, 1)``, output ``(*, 2)``, with any dimensions before the last.
    """

    def forward(self, X: Tensor) -> Tensor:
        return torch.cat([1 - X, X], dim=-1)


class OneClass(nn.Module):
    """The probability of a class that is the only one.

    Shape
    -----
    Input and output: ``(*, 1)``, with any dimensions before the last.
    """

    def forward(self, X: Tensor) -> Tensor:
        return torch.ones_like(X)


class Mean(nn.Module):
    """The mean of what several modules give.

    Parameters
    ----------
    members : list of torch.nn.Module

    Shape
    -----
    Input and output: those of each member.
    """

    def __init__(self, members: list[nn.Module]):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, X: Tensor) -> Tensor:
        return torch.stack([member(X) for member in self.members]).mean(dim=0)


def to_torch(estimator) -> nn.Module:
    """Give a fitted estimator as a torch module, from raw features to what comes out.

    It is a copy on the CPU, in evaluation mode, of layers of ``torch.nn`` and, where
    these have none, some that only compute. What comes out are tensors that hold

    - of a classifier what ``predict_proba`` gives, columns in the order of
      ``classes_``,
    - of a regressor what ``predict`` gives, in units of y, which with
      ``normalize_y=True`` is float64,
    - of an autoencoder what ``transform`` gives.

    With ``precision="bfloat16"`` the module computes in float32, and so gives the same
    up to the rounding of bfloat16.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, AutoencoderTransformer or Pipeline
        Fitted. The steps of a Pipeline may be these, StandardScaler, MinMaxScaler,
        MaxAbsScaler, "passthrough", and Pipelines of them.

    Returns
    -------
    module : torch.nn.Sequential
        Takes a tensor of shape (n_rows, n_features) of any floating-point type. A row
        alone, of shape (n_features,), is taken too, so that ``torch.func.vmap`` and
        ``torch.func.jacrev`` work.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is another estimator, or a Pipeline with such a step.

    See Also
    --------
    to_onnx : Writes the module for other runtimes.
    save : Saves the estimator itself.

    Examples
    --------
    >>> import torch
    >>> from sknn_deep import MLPRegressor, to_torch
    >>> reg = MLPRegressor(solver="lbfgs", max_iter=500, random_state=0)
    >>> reg = reg.fit([[0.0], [1.0], [2.0]], [0.0, 2.0, 4.0])
    >>> module = to_torch(reg)
    >>> with torch.no_grad():
    ...     print(module(torch.tensor([[1.5]])).shape)
    torch.Size([1])
    """
    return make_module(estimator)


def make_module(
    estimator: BaseEstimator, dtype: torch.dtype | None = None
) -> nn.Sequential:
    """Make the module; its networks compute in `dtype`, or as they were trained."""
    with torch.device("cpu"):  # and not on the user's default device
        return Sequential(*_parts(estimator, dtype)).eval()


def _parts(step: BaseEstimator, dtype: torch.dtype | None) -> Iterator[nn.Module]:
    if step is None or isinstance(step, str):  # "passthrough"
        return
    if type(step) is Pipeline:
        for _, inner in step.steps:
            yield from _parts(inner, dtype)
        return
    if type(step) not in _MAKERS:
        raise TypeError(
            "to_torch and to_onnx take MLPClassifier, MLPRegressor and "
            "AutoencoderTransformer, and Pipelines of these, StandardScaler, "
            f"MinMaxScaler and MaxAbsScaler. Got {type(step).__name__}: pass the "
            "network's own step, and do the steps before it in scikit-learn."
        )
    check_is_fitted(step)
    if hasattr(step, "estimators_"):
        yield Mean([make_module(member, dtype) for member in step.estimators_])
        return
    yield from _MAKERS[type(step)](step, dtype)


def _standard_scaler(scaler: StandardScaler, dtype) -> Iterator[nn.Module]:
    yield Affine(
        before=scaler.mean_ if scaler.with_mean else 0.0,
        divisor=scaler.scale_ if scaler.with_std else 1.0,
    )


def _min_max_scaler(scaler: MinMaxScaler, dtype) -> Iterator[nn.Module]:
    yield Affine(factor=scaler.scale_, after=scaler.min_)
    if clips(scaler):
        yield nn.Hardtanh(*scaler.feature_range)


def _max_abs_scaler(scaler: MaxAbsScaler, dtype) -> Iterator[nn.Module]:
    yield Affine(divisor=scaler.scale_)
    if clips(scaler):
        yield nn.Hardtanh()


def _classifier(clf: MLPClassifier, dtype) -> Iterator[nn.Module]:
    yield from _layers(clf.net_.module_.blocks(), dtype or clf.net_.placement.dtype)
    yield nn.Softmax(dim=-1) if clf.out_activation_ == "softmax" else nn.Sigmoid()
    if clf._target.kind == "binary":
        yield BothClasses() if len(clf.classes_) == 2 else OneClass()


def _regressor(reg: MLPRegressor, dtype) -> Iterator[nn.Module]:
    dtype = dtype or reg.net_.placement.dtype
    yield from _layers(reg.net_.module_.blocks(), dtype)
    if reg.out_activation_ == "exp":
        yield Exp()
    if reg._target.mean is not None:
        yield Affine(factor=reg._target.scale, after=reg._target.mean)
    if reg.n_outputs_ == 1:
        yield nn.Flatten(0)


def _autoencoder(ae: AutoencoderTransformer, dtype) -> Iterator[nn.Module]:
    layers = list(_layers(ae.encoder_, dtype or ae.net_.placement.dtype))
    if ae.net_.module_.sample is not None:  # the log-variances are left out
        layers[-1] = _rows_of(layers[-1], layers[-1].out_features // 2)
    yield from layers


_MAKERS = {
    AutoencoderTransformer: _autoencoder,
    MLPClassifier: _classifier,
    MLPRegressor: _regressor,
    MaxAbsScaler: _max_abs_scaler,
    MinMaxScaler: _min_max_scaler,
    StandardScaler: _standard_scaler,
}


def _layers(blocks: list[DenseBlock], dtype: torch.dtype) -> Iterator[nn.Module]:
    """Copy a network as layers of torch.nn."""
    yield Cast(dtype)
    for block in blocks:
        for part in block:
            yield _copy_layer(part).to("cpu", dtype)


def _copy_layer(layer: nn.Module) -> nn.Module:
    if isinstance(layer, Dense):
        return _rows_of(layer, layer.out_features)
    if isinstance(layer, Dropout):
        return nn.Dropout(layer.p)
    if isinstance(layer, BatchNorm):
        plain = nn.BatchNorm1d(layer.num_features, eps=layer.eps)
        plain = plain.to(layer.weight.device, layer.weight.dtype)
        plain.load_state_dict(layer.state_dict())
        return plain
    return copy.deepcopy(layer)


def _rows_of(layer: nn.Linear, n_out: int) -> nn.Linear:
    """Copy a dense layer with its first `n_out` outputs."""
    # torch's own start would draw from its global generator.
    plain = nn.utils.skip_init(
        nn.Linear,
        layer.in_features,
        n_out,
        dtype=layer.weight.dtype,
        device=layer.weight.device,
    )
    with torch.no_grad():
        plain.weight.copy_(layer.weight[:n_out])
        plain.bias.copy_(layer.bias[:n_out])
    return plain
