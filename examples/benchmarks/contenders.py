"""The same network, trained by different hands.

All train dense layers with ReLU by Adam at the rate 0.001, on the same rows in batches
of the same size, in a new order each epoch. The estimators add scikit-learn's small
default penalty on the weights; ours and scikit-learn's know another solver too.
"""

import functools
import importlib.util
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from alternation import Contender, Run
from data import Data
from keras_backends import KerasProcess
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from skorch import NeuralNetClassifier
from torch import nn

from sknn_deep import MLPClassifier
from sknn_deep.gpu_report._by_hand import captured


@dataclass(frozen=True)
class Task:
    """What is to be trained.

    Attributes
    ----------
    data : Data

    hidden : tuple of int
        Widths of the hidden layers.

    batch_size, epochs : int

    device : str
        "auto" or a torch device. scikit-learn stays on the CPU, Keras goes where its
        backend wants.

    precision : str
        As in :class:`sknn_deep.MLPClassifier`; ours and the hand-written loop know it.

    solver : str
        Of our estimator and scikit-learn's.

    normalization : {"batch", "layer"} or None
        Of the hidden layers, by torch and ours.
    """

    data: Data
    hidden: tuple[int, ...]
    batch_size: int
    epochs: int
    device: str = "auto"
    precision: str = "auto"
    solver: str = "adam"
    normalization: str | None = None

    @property
    def sizes(self) -> list[int]:
        """Units of all layers; there is an output for each class."""
        n_classes = int(self.data.y_train.max()) + 1
        return [self.data.X_train.shape[1], *self.hidden, n_classes]

    @property
    def activations(self) -> list[str]:
        """Activations of all layers but the input."""
        return ["relu"] * len(self.hidden) + ["linear"]

    # The loss, in Keras' words.
    loss = "sparse_categorical_crossentropy"

    @property
    def target(self) -> np.ndarray:
        return self.data.y_train

    def judge(self, output: np.ndarray) -> float:
        """Judge the raw output for the test samples."""
        return float(np.mean(output.argmax(axis=1) == self.data.y_test))


@dataclass(frozen=True)
class AutoencoderTask(Task):
    """An autoencoder with a code of two numbers and outputs between 0 and 1.

    `hidden` are the widths of the encoder; the decoder mirrors them. What is judged is
    the mean squared error.
    """

    @property
    def sizes(self):
        n_features = self.data.X_train.shape[1]
        return [n_features, *self.hidden, 2, *self.hidden[::-1], n_features]

    @property
    def activations(self):
        hidden = ["relu"] * len(self.hidden)
        return [*hidden, "linear", *hidden, "sigmoid"]

    loss = "mean_squared_error"

    @property
    def target(self):
        return self.data.X_train

    def judge(self, output):
        return float(np.mean((output - self.data.X_test) ** 2))


def make_contenders(names: list[str], task: Task) -> dict[str, Contender]:
    """Make what a benchmark alternates between.

    Each gives the seconds per epoch and the accuracy on the test samples. Each has
    trained for one epoch already, for first calls import, allocate and compile.
    """
    contenders: dict[str, Contender] = {}
    for name in names:
        if name in KERAS:
            contenders[name] = KerasProcess(KERAS[name], task)
        else:
            FITS[name](replace(task, epochs=1), 0)
            contenders[name] = functools.partial(FITS[name], task)
    return contenders


def installed() -> list[str]:
    """Name the contenders that can run here."""
    is_there = importlib.util.find_spec
    fits = [name for name in FITS if name != "cuda-graph" or torch.cuda.is_available()]
    backends = [name for name, backend in KERAS.items() if is_there(backend)]
    return [*fits, *(backends if is_there("keras") else [])]


# --- scikit-learn's interface -------------------------------------------------------


def fit_sknn_deep(task: Task, seed: int, **parameters) -> Run:
    clf = MLPClassifier(
        device=task.device,
        normalization=task.normalization,
        **{"precision": task.precision, **_fixed_epochs(task, seed), **parameters},
    )
    return _fit_estimator(clf, task)


def fit_scikit_learn(task: Task, seed: int) -> Run:
    return _fit_estimator(SklearnClassifier(**_fixed_epochs(task, seed)), task)


def fit_skorch(task: Task, seed: int) -> Run:
    """Train skorch's net as it comes, but on all rows, which are shuffled."""
    torch.manual_seed(seed)
    net = NeuralNetClassifier(
        make_network(task).to(torch.from_numpy(task.data.X_train[:0]).dtype),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=task.batch_size,
        max_epochs=task.epochs,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
        device=str(find_device(task.device)),
    )
    return _fit_estimator(net, task)


def fit_quietly(estimator, X, y):
    """Fit without the warning that so few epochs are not the end of learning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def _fixed_epochs(task: Task, seed: int) -> dict:
    return {
        "hidden_layer_sizes": task.hidden,
        "solver": task.solver,
        "batch_size": task.batch_size,
        "max_iter": task.epochs,
        "n_iter_no_change": np.inf,
        "random_state": seed,
    }


def _fit_estimator(estimator, task: Task) -> Run:
    data = task.data
    start = time.perf_counter()
    fit_quietly(estimator, data.X_train, data.y_train)
    seconds = time.perf_counter() - start
    accuracy = np.mean(estimator.predict(data.X_test) == data.y_test)
    return Run(seconds / task.epochs, float(accuracy))


# --- by hand ------------------------------------------------------------------------

TORCH_ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}
TORCH_NORMALIZATIONS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}
TORCH_LOSSES = {
    "sparse_categorical_crossentropy": nn.functional.cross_entropy,
    "mean_squared_error": nn.functional.mse_loss,
}


class ByHand:
    """A network, its data and its optimizer, where they are computed with.

    `options` are Adam's.
    """

    def __init__(self, task: Task, seed: int, **options):
        torch.manual_seed(seed)
        self.task = task
        self.device = device = find_device(task.device)
        dtype, mixed = find_dtypes(task.precision, task.data.X_train.dtype, device)
        self.autocast = torch.autocast(device.type, mixed) if mixed else nullcontext()
        self.X_dtype = mixed or dtype
        self.X = torch.from_numpy(task.data.X_train).to(device, self.X_dtype)
        is_own_target = task.target is task.data.X_train
        self.y = self.X if is_own_target else torch.from_numpy(task.target).to(device)
        self.loss_of = TORCH_LOSSES[task.loss]
        self.network = make_network(task).to(device, dtype)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=0.001, fused=True, **options
        )

    def batches(self) -> Iterator[torch.Tensor]:
        """Give the numbers of the rows of all batches."""
        for _ in range(self.task.epochs):
            order = torch.randperm(len(self.X), device=self.device)
            yield from order.split(self.task.batch_size)

    def step(self, index: torch.Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with self.autocast:
            batch = self.X.index_select(0, index)
            target = batch if self.y is self.X else self.y.index_select(0, index)
            loss = self.loss_of(self.network(batch), target)
        loss.backward()
        self.optimizer.step()

    def end(self, start: float) -> Run:
        """Wait for the device; give the seconds since `start`, and judge the output."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize()
        seconds = time.perf_counter() - start
        self.network.eval()
        with torch.inference_mode(), self.autocast:
            X_test = torch.from_numpy(self.task.data.X_test)
            output = self.network(X_test.to(self.device, self.X_dtype))
        score = self.task.judge(output.float().cpu().numpy())
        return Run(seconds / self.task.epochs, score)


def fit_torch_loop(task: Task, seed: int) -> Run:
    """Train as someone would who writes for speed and for this task alone."""
    start = time.perf_counter()
    hand = ByHand(task, seed)
    for index in hand.batches():
        hand.step(index)
    return hand.end(start)


def fit_cuda_graph(task: Task, seed: int) -> Run:
    """Train as `fit_torch_loop` does, but replay a step that was captured before.

    What comes before the first epoch is not counted.
    """
    hand = ByHand(task, seed, capturable=True)
    step = captured(hand.step, task.batch_size, hand.device)
    torch.cuda.synchronize()

    start = time.perf_counter()
    for index in hand.batches():
        step(index)
    return hand.end(start)


def make_network(task: Task) -> nn.Sequential:
    layers: list[nn.Module] = []
    for (n_in, n_out), activation in zip(
        pairwise(task.sizes), task.activations, strict=True
    ):
        layers.append(nn.Linear(n_in, n_out))
        if activation == "linear":
            continue
        if task.normalization is not None:
            layers.append(TORCH_NORMALIZATIONS[task.normalization](n_out))
        layers.append(TORCH_ACTIVATIONS[activation]())
    return nn.Sequential(*layers)


def find_device(device: str) -> torch.device:
    if device != "auto":
        return torch.device(device)
    if torch.accelerator.is_available():
        return torch.accelerator.current_accelerator()
    return torch.device("cpu")


def find_dtypes(
    precision: str, X_dtype: np.dtype, device: torch.device
) -> tuple[torch.dtype, torch.dtype | None]:
    """Give the type of the parameters, and that of mixed arithmetic if there is any."""
    if precision == "bfloat16":
        return torch.float32, torch.bfloat16
    if precision == "auto":
        keeps_double = device.type == "cpu" and X_dtype == np.float64
        precision = "float64" if keeps_double else "float32"
    return getattr(torch, precision), None


FITS = {
    "sknn_deep": fit_sknn_deep,
    "torch-loop": fit_torch_loop,
    "cuda-graph": fit_cuda_graph,
    "scikit-learn": fit_scikit_learn,
    "skorch": fit_skorch,
    # What bfloat16 is compared with.
    "sknn_deep-float32": functools.partial(fit_sknn_deep, precision="float32"),
}
# Who knows normalization: whoever trains what make_network makes, and we.
NORMALIZING = ("torch-loop", "cuda-graph", "skorch", "sknn_deep-float32")
# By backend.
KERAS = {"keras-tensorflow": "tensorflow", "keras-jax": "jax"}
NAMES = [*FITS, *KERAS]
