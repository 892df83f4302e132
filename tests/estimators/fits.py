"""What the tests of the estimators ask of fits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.training import Net


def arrays_of(estimator):
    """Give what the network has learnt, normalization's numbers among it."""
    return [p.detach().cpu().numpy() for p in estimator.net_.module_.parameters()]


def weights_of(estimator):
    """Give all that the network has learnt as one array."""
    return np.concatenate([w.ravel() for w in arrays_of(estimator)])


def message_of(function, *args, **kwargs):
    """Call what raises a ValueError; give its message."""
    with pytest.raises(ValueError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def threads_of_a_new_thread():
    """Tell how many threads torch would use in a thread that starts now."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


class StopAfterTwo(Callback):
    """Ends the training, in skorch's way, after two epochs."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


# A schedule that is followed to its end gives no ConvergenceWarning.
QUICK = {
    "hidden_layer_sizes": (16,),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.02,
    "max_iter": 8,
    "random_state": 0,
}
MLPS = [MLPClassifier, MLPRegressor]
ESTIMATORS = [*MLPS, AutoencoderTransformer]


def make(Estimator, **params):
    """Make an estimator that is fitted in no time."""
    return Estimator(**QUICK | {"batch_size": "auto"} | params)


SGD = {"solver": "sgd", "learning_rate": "constant"}
PLAIN = {"learning_rate": "constant", "max_iter": 30}


def output_of(estimator, X):
    """Return what the network gives for X: probabilities, numbers or codes."""
    for method in ("predict_proba", "predict", "transform"):
        if hasattr(estimator, method):
            return np.asarray(getattr(estimator, method)(X))
    raise AssertionError(estimator)


def no_training(monkeypatch):
    """Make any training step fail the test."""

    def step(*args, **kwargs):
        raise AssertionError("a training step was taken")

    monkeypatch.setattr(Net, "run_single_epoch", step)


class BatchLog(Callback):
    """Writes down the first column of each training batch."""

    batches: list = []

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        self.batches.append((len(net.history), batch[0][:, 0].tolist()))
