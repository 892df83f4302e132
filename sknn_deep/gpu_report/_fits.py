"""Fits of all kinds, on the device and on the CPU, to the same rows in one order."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse
import torch
from skorch.callbacks import GradientNormClipping

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.gpu_report._data import digits
from sknn_deep.gpu_report._outcome import Comparison, count_of, relative_difference

# Devices add in another order. Noise of that size in X, 4e-16 in float64 and 1e-7 in
# float32, changes what these fits predict on a CPU by up to 3e-11 and 6e-3, both with
# batch normalization, and mostly by 1e-15 and 1e-6. A wrong row, rate or term shows in
# the second digit.
FLOAT64_TOLERANCE = 1e-8
FLOAT32_TOLERANCE = 2e-2


@dataclass
class Fit:
    """An estimator, and what it is fitted to.

    Attributes
    ----------
    cls : type of estimator

    parameters : dict

    X : {ndarray, sparse array} of shape (n_samples, n_features)

    y : ndarray or None

    options : dict
        Of ``fit``, beside X and y.

    train : callable (estimator, X, y, **options)
    """

    cls: type
    parameters: dict = field(default_factory=dict)
    X: object = None
    y: np.ndarray | None = None
    options: dict = field(default_factory=dict)
    train: Callable | None = None

    def run(self, device: torch.device):
        estimator = self.cls(
            **{
                "hidden_layer_sizes": (32, 16),
                "batch_size": 200,
                "max_iter": 5,
                # The device would draw other orders.
                "shuffle": False,
                "random_state": 0,
                "precision": exact_precision(device),
                **self.parameters,
            },
            device=device,
        )
        train = self.train or type(estimator).fit
        train(estimator, self.X, self.y, **self.options)
        return estimator


def check_fit(fit: Fit, device: torch.device) -> list[Comparison]:
    """Compare the training's losses, and what is predicted afterwards."""
    ours, expected = fit.run(device), fit.run(torch.device("cpu"))
    outputs = [output_of(estimator, fit.X) for estimator in (ours, expected)]
    losses = [losses_of(estimator) for estimator in (ours, expected)]
    tolerance = exact_tolerance(device)
    return [
        was_computed_on(device, ours),
        Comparison("training loss", relative_difference(*losses), tolerance),
        Comparison("prediction", relative_difference(*outputs), tolerance),
    ]


def exact_precision(device: torch.device) -> str:
    """Give the best precision of a device: MPS has no float64."""
    return "float32" if device.type == "mps" else "float64"


def exact_tolerance(device: torch.device) -> float:
    is_exact = exact_precision(device) == "float64"
    return FLOAT64_TOLERANCE if is_exact else FLOAT32_TOLERANCE


def was_computed_on(device: torch.device, estimator) -> Comparison:
    is_elsewhere = torch.device(estimator.device_) != device
    return count_of("estimators elsewhere", int(is_elsewhere), 0)


def losses_of(estimator) -> list[float]:
    """Give the loss of each epoch, or the last one where there is no curve."""
    return getattr(estimator, "loss_curve_", [estimator.loss_])


def output_of(estimator, X) -> np.ndarray:
    """Give the numbers that an estimator predicts."""
    if isinstance(estimator, MLPClassifier):
        return estimator.predict_proba(X)
    if isinstance(estimator, MLPRegressor):
        return estimator.predict(X)
    errors = estimator.score_samples(X)
    return np.hstack([estimator.transform(X), errors[:, np.newaxis]])


def fits_of_classifiers() -> dict[str, Fit]:
    X, y = digits()
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 3, len(X)).astype(float)
    classes = {"classes": np.unique(y)}

    def fit(X=X, y=y, options=None, train=None, **parameters) -> Fit:
        return Fit(MLPClassifier, parameters, X, y, options or {}, train)

    return {
        "adam": fit(),
        "adam, clipped gradients": fit(clip_grad_norm=0.1),
        "adamw, one_cycle": fit(solver="adamw", learning_rate="one_cycle"),
        "sgd, momentum, invscaling": fit(solver="sgd", learning_rate="invscaling"),
        "sgd, adaptive": fit(
            solver="sgd", momentum=0, learning_rate="adaptive", tol=1.0, max_iter=30
        ),
        "lbfgs": fit(solver="lbfgs"),
        "an optimizer of torch": fit(solver=torch.optim.RMSprop),
        "three activations": fit(
            hidden_layer_sizes=(32, 16, 8), activation=("tanh", "gelu", "silu")
        ),
        "layer normalization": fit(normalization="layer"),
        "batch normalization": fit(normalization="batch"),
        "label smoothing": fit(label_smoothing=0.1),
        "sample and class weights": fit(
            options={"sample_weight": weight}, class_weight="balanced"
        ),
        "early stopping": fit(early_stopping=True),
        "validation rows": fit(options={"X_val": X[:300], "y_val": y[:300]}),
        "sparse rows": fit(X=scipy.sparse.csr_array(X * (X > 0.7))),
        "two classes": fit(y=y % 2),
        "several labels": fit(y=np.stack([y % 2, y % 3 == 0], axis=1).astype(int)),
        "three networks": fit(n_estimators=3),
        "a callback that changes gradients": fit(
            callbacks=[GradientNormClipping(gradient_clip_value=0.1)]
        ),
        "warm start": fit(
            train=lambda clf, X, y: clf.fit(X, y).fit(X, y), warm_start=True
        ),
        "partial_fit": fit(
            train=lambda clf, X, y: [clf.partial_fit(X, y, **classes) for _ in range(3)]
        ),
    }


def fits_of_regressors() -> dict[str, Fit]:
    X, y = digits()
    two_columns = np.stack([X[:, :32].sum(axis=1), y], axis=1)

    def fit(y=two_columns[:, 0], **parameters) -> Fit:
        return Fit(MLPRegressor, parameters, X, y)

    return {
        "squared error": fit(),
        "normalized y": fit(normalize_y=True),
        "two columns": fit(y=two_columns),
        "huber": fit(loss="huber"),
        "quantile": fit(loss="quantile", quantile=0.9),
        "three quantiles": fit(loss="quantile", quantile=[0.1, 0.5, 0.9]),
        "lbfgs": fit(solver="lbfgs"),
    }


def fits_of_autoencoders() -> dict[str, Fit]:
    X, _ = digits()

    def fit(**parameters) -> Fit:
        return Fit(AutoencoderTransformer, {"n_components": 3, **parameters}, X)

    return {
        "plain": fit(),
        "sparse": fit(sparsity_penalty=0.01, n_components=8),
        "pixels between 0 and 1": fit(
            loss="binary_cross_entropy", out_activation="logistic"
        ),
    }
