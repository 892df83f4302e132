"""Epochs as tasks of scikit-learn's callbacks."""

from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

from sknn_deep.data import Samples


def task_data(samples: Samples) -> dict:
    """Give what scikit-learn's callbacks are told of the data of a task."""
    data = {"X": samples.X, "y": samples.y}
    if samples.weight is not None:
        data["metadata"] = {"sample_weight": samples.weight}
    return data


class EpochTasks(Callback):
    """Tells scikit-learn's callbacks of each epoch, and stops where one says so.

    Parameters
    ----------
    estimator : estimator
        The one that is fitted.

    context : sklearn.callback.CallbackContext
        Of the fit; each epoch is a sub-task of it.

    samples : Samples
        What it is fitted to.
    """

    def __init__(self, estimator: BaseEstimator, context, samples: Samples):
        self.estimator = estimator
        self.context = context
        self.data = task_data(samples)

    def _now(self, net) -> dict:
        # The rows are an array already, whatever the user passed.
        state = {"net_": net, "feature_names_in_": None}
        return {"estimator": self.estimator, "reconstruction_attributes": state}

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(**self.data, **self._now(net))

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        net.module_.eval()
        if self.task_.call_on_fit_task_end(**self.data, **self._now(net)):
            raise KeyboardInterrupt  # skorch's word for the end of the training

    def on_train_end(self, net, X=None, y=None, **kwargs):
        self.context.call_on_fit_task_end(**self.data, **self._now(net))
