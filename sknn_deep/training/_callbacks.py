"""What tells the user how a fit goes, as skorch callbacks."""

import sys
from collections.abc import Container, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from skorch.callbacks import Callback
from tqdm.auto import tqdm

from sknn_deep.training._checkpoint import TrainingState

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end")
_GRADIENT_HOOK = "on_grad_computed"


def overrides(callback: Callback, *hooks: str) -> bool:
    """Tell whether `callback` defines one of `hooks` itself."""
    own = type(callback)
    return any(getattr(own, h, None) is not getattr(Callback, h) for h in hooks)


@dataclass(frozen=True)
class Watched:
    """What a training has to show to callbacks beside the beginning and end of epochs.

    Attributes
    ----------
    batches : tuple of str
        Names of the callbacks that are shown each batch, before and after its step.

    gradients : tuple of str
        Of those that are shown the gradients of each step, before the update.
    """

    batches: tuple[str, ...] = ()
    gradients: tuple[str, ...] = ()

    @classmethod
    def by(
        cls, callbacks: Iterable[tuple[str, Callback]], *, apart: Container[str] = ()
    ) -> "Watched":
        """Look for the hooks that callbacks, given with their names, define.

        Those that are named `apart` need to see no batches, although they could.
        """
        callbacks = list(callbacks)
        return cls(
            tuple(
                [
                    name
                    for name, cb in callbacks
                    if name not in apart and overrides(cb, *_BATCH_HOOKS)
                ]
            ),
            tuple([name for name, cb in callbacks if overrides(cb, _GRADIENT_HOOK)]),
        )


UNWATCHED = Watched()


class StateKeeper(Callback):
    """A callback that keeps the state of a training, for another process to go on."""

    def watch(
        self, seed: int, identity: dict[str, str]
    ) -> AbstractContextManager["StateKeeper"]:
        """Keep the states of one fit for a while.

        `seed` is its ``random_state``; `identity` says in words and digests what else
        decides on its result.
        """
        raise NotImplementedError

    def restore(self, state: TrainingState) -> None:
        """Put a training where the last state that was kept was, if there is one."""
        raise NotImplementedError

    def keep(self, state: TrainingState) -> None:
        """Keep the state after an epoch."""
        raise NotImplementedError


class EpochProgressBar(Callback):
    """A bar over the epochs on stderr, with the loss and the validation score."""

    bar_ = None

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        if self.bar_ is None:
            self.bar_ = tqdm(
                total=net.n_epochs_,
                initial=net.n_resumed_,
                unit="epoch",
                file=sys.stderr,
            )

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        epoch = net.history[-1]
        figures = {"loss": f"{epoch['train_loss']:.4g}"}
        if "valid_score" in epoch:
            figures["valid_score"] = f"{epoch['valid_score']:.4g}"
        self.bar_.set_postfix(figures, refresh=False)
        self.bar_.update()

    def on_train_end(self, net, X=None, y=None, **kwargs):
        if self.bar_ is not None:
            self.bar_.close()
            self.bar_ = None

    def __getstate__(self):
        # A fit that failed leaves its bar, which cannot be pickled.
        return {key: v for key, v in vars(self).items() if key != "bar_"}


class IterationLog(Callback):
    """The lines that scikit-learn's MLP prints on stdout."""

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        epoch = net.history[-1]
        print(f"Iteration {epoch['epoch']}, loss = {epoch['train_loss']:.8f}")
        if "valid_score" in epoch:
            print(f"Validation score: {epoch['valid_score']:f}")


def make_reporters(verbose: int | bool) -> list[Callback]:
    """Make what `verbose` asks for: nothing, a progress bar, or lines."""
    if not verbose:
        return []
    return [EpochProgressBar()] if verbose == 1 else [IterationLog()]
