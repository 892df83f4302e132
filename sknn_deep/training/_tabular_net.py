"""The skorch net of networks for tables."""

import math
import time
from collections.abc import Callable

from sknn_deep.training._net import Net, copy_state
from sknn_deep.training._optimizers import AdamW, make_step
from sknn_deep.training._schedules import coslog4, flat_cos


class TabularNet(Net):
    """A net with a rate and a decay for each group of parameters, by schedules.

    Its module has ``parameter_groups``, and its gradient a pool of dropout masks. The
    learning rate follows coslog4, decay and dropout follow flat_cos. Where the rate is
    zero the network is at rest, and it is judged there alone: with early stopping at
    the end of each wave, and with a limit of time the last wave ends within it.

    Parameters
    ----------
    module, criterion, **kwargs
        As of :class:`Net`.

    dropout : float
    """

    def __init__(self, module, criterion, *, dropout: float = 0.0, **kwargs):
        super().__init__(module, criterion, **{"penalized": nothing, **kwargs})
        self.dropout = dropout

    def initialize_optimizer(self, triggered_directly=None):
        recipe = self.recipe
        self.groups_ = self.module_.parameter_groups()
        self.optimizer_ = AdamW(
            [{"params": group.parameters} for group in self.groups_],
            lr=recipe.learning_rate_init,
            betas=(recipe.beta_1, recipe.beta_2),
            eps=recipe.epsilon,
            fused=self.placement.device.type in ("cpu", "cuda", "mps", "xpu"),
        )
        return self

    def wants_sparse(self, X, n_epochs: int) -> bool:
        return False

    def _make_train_step(self, gradient, watched, *, n_steps, n_taken=0, capture=None):
        recipe, criterion = self.recipe, self.criterion_
        update = make_step(self.optimizer_, recipe)
        pairs = list(zip(self.optimizer_.param_groups, self.groups_, strict=True))
        n_batches = n_steps // self.n_epochs_

        def step(batch) -> dict:
            nonlocal n_taken
            n_steps = self.n_epochs_ * n_batches  # which a limit of time makes fewer
            rate = recipe.learning_rate_init * coslog4(n_taken, n_steps)
            rest = flat_cos(n_taken, n_steps)
            for group, factors in pairs:
                group["lr"] = rate * factors.rate
                group["weight_decay"] = recipe.alpha * rest * factors.decay
            gradient.masks.p = self.dropout * rest
            n_taken += 1
            value, output = gradient.compute(*batch)
            scale = criterion.reported_scale(output)
            if scale != 1:
                value = value * scale
            if watched.gradients:
                self.notify(
                    "on_grad_computed",
                    named_parameters=list(self.get_all_learnable_params()),
                    batch=batch[:2],
                    training=True,
                )
            update()
            return {"loss": value, "y_pred": output}

        return step

    def _run_epochs(
        self, state, batches, step, evaluate, watched, keeper, deadline
    ) -> None:
        begin = time.monotonic()
        while not state.is_finished:
            self._run_epoch(
                state.batches, batches, step, state.convergence, evaluate, watched
            )
            state.n_epochs += 1
            if self._is_stopped_after(state.batches):
                return
            state.is_over = self.should_stop(state.convergence)
            if state.is_over:
                return
            if deadline < math.inf:
                self._shorten(state.n_epochs, begin, deadline)

    def _shorten(self, n_epochs: int, begin: float, deadline: float) -> None:
        """Let the schedule end with the last epoch that there is time for."""
        now = time.monotonic()
        n_to_come = int((deadline - now) / (now - begin) * n_epochs)
        fitting = n_epochs + max(n_to_come, 0)
        if fitting < self.n_epochs_:
            self.n_epochs_ = fitting
            self._log(
                f"{self.recipe.max_time} seconds are enough for {fitting} epochs."
            )

    def end_epoch(
        self,
        X,
        convergence,
        evaluate: Callable[[], tuple[float, float]] | None,
    ) -> None:
        self.n_seen_ += X.n_rows
        epoch = self.history[-1]
        loss = epoch["train_loss"]
        if not math.isfinite(loss):
            raise ValueError(self.divergence_message())
        score = -loss
        if evaluate is not None:
            valid_loss, score = evaluate()
            self._record(epoch, "valid_loss", valid_loss)
            self._record(epoch, "valid_score", score, higher_is_better=True)
        if not self.recipe.early_stopping:
            convergence.add(-loss)
        elif self._is_at_rest() and convergence.add(score):
            self.best_state_ = copy_state(self.module_)

    def should_stop(self, convergence) -> bool:
        is_over = (
            self.recipe.early_stopping
            and self._is_at_rest()
            and convergence.n_no_improvement > 0
        )
        if is_over:
            self._log("Validation score did not improve in the last wave. Stopping.")
        return is_over

    def _is_at_rest(self) -> bool:
        """Tell whether a wave of the rate ends with this epoch, or nearest to it."""
        return len(self.history) in ends_of_waves(self.n_epochs_)


def nothing(module) -> list:
    """Give the parameters that an L2 penalty is about: decay is no part of the loss."""
    return []


def ends_of_waves(n_epochs: int) -> set[int]:
    """Give the numbers of the epochs, from 1, after which coslog4 is nearest to 0."""
    return {max(1, round(n_epochs * (2**wave - 1) / 15)) for wave in range(1, 5)}
