"""What the tests of the estimators ask of fits."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback


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
