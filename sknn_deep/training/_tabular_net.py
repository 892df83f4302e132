"""The skorch net of networks for tables."""

import math
import time
import warnings
from collections.abc import Callable

from torch import Tensor

from sknn_deep.machine import thread_count, threads_for_step
from sknn_deep.optimizers import AdamW, coslog4, flat_cos, make_step
from sknn_deep.training._callbacks import UNWATCHED, StateKeeper, Watched
from sknn_deep.training._checkpoint import TrainingState
from sknn_deep.training._epochs import check_schedules, is_stopped_after, run_epoch
from sknn_deep.training._net import Net, copy_state
from sknn_deep.training._protocols import GradientKind
from sknn_deep.training._run import Run
from sknn_deep.training._step_plan import StepPlan


class TabularNet(Net):
    """A net with a rate and a decay for each group of parameters, by schedules.

    Its module has ``parameter_groups``, and its gradient a pool of dropout masks. The
    learning rate follows coslog4, decay and dropout follow flat_cos. Where the rate is
    zero the network is at rest, and it is judged there alone: at the end of each wave;
    with a limit of time the last wave ends within it.

    Parameters
    ----------
    module, criterion, **kwargs
        As of :class:`Net`.

    dropout : float

    Attributes
    ----------
    ends_ : dict of int to dict of Tensor
        The parameters at the ends of the waves, by the number of epochs, and last of
        all those that the training ended with.

    best_epoch_ : int or None
        With early stopping, the number of epochs after which the score was best.
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

    def renew_optimizer(self):
        self.initialize_optimizer()  # schedules change more than rates

    def fit_loop(
        self,
        X,
        y=None,
        epochs: int | None = None,
        *,
        run: Run,
        keeper: StateKeeper | None = None,
        **fit_params,
    ):
        """Train for the epochs of a run, or as many as there is time for."""
        check_schedules(self)
        self.begin_training(run.epochs, run.n_seen)
        watched = Watched.by(self.callbacks_, apart=run.scorings)
        kind = self.gradient(self.module_, self.criterion_)
        self.step_plan_ = plan = self._plan_steps(kind, run, watched)
        state = TrainingState(run)
        self.ends_: dict[int, dict[str, Tensor]] = {}
        self.best_epoch_: int | None = None
        begin = time.monotonic()
        try:
            with (
                kind.make(
                    self.module_, self.criterion_, generator=run.generator
                ) as gradient,
                thread_count(plan.threads),
            ):
                step = self._make_step(gradient, watched, len(run.batches))
                while not state.has_ended:
                    run_epoch(state, run.batches, step, watched)
                    self._close_epoch(state)
                    self._shorten(state, time.monotonic() - begin)
        except KeyboardInterrupt:
            state.forget_unfinished_epoch()
            warnings.warn("Training interrupted by user.", stacklevel=2)
        if self.recipe.early_stopping and self.best_epoch_ is None:
            self._keep_best_epoch(state)
        self._close_wave(state)
        return self

    def _plan_steps(self, kind: GradientKind, run: Run, watched: Watched) -> StepPlan:
        parameters = list(self.module_.parameters())
        is_watched = watched != UNWATCHED
        return StepPlan(
            gradient=kind.name,
            rows="dense",
            layout=(),
            captured=False,
            threads=threads_for_step(parameters, run.batches.batch_size),
            denormals="kept" if is_watched else "flushed",
            reasons={
                "gradient": kind.reason,
                "rows": "encoded columns are dense",
                "layout": "features lie in rows already",
                "captured": "steps of networks for tables are not replayed",
                "threads": "as many as the step is worth",
                "denormals": "a callback may compute with them"
                if is_watched
                else "products of them take up to a hundred times as long",
            },
        )

    def _make_step(self, gradient, watched: Watched, n_batches: int) -> Callable:
        """Make what happens to a batch: gradient, rates, update."""
        recipe, criterion = self.recipe, self.criterion_
        update = make_step(self.optimizer_, recipe)
        pairs = list(zip(self.optimizer_.param_groups, self.groups_, strict=True))
        n_taken = 0

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

    def _close_epoch(self, state: TrainingState) -> None:
        """Validate after an epoch; tell whether it is the last one."""
        run, loss = state.run, self.history[-1]["train_loss"]
        self.n_seen_ += run.batches.n_rows
        if not math.isfinite(loss):
            raise ValueError(self.divergence_message())
        if run.evaluate is not None:
            valid_loss, score = run.evaluate()
            self.record_validation(valid_loss, score)
        state.n_epochs += 1
        is_end = state.n_epochs in ends_of_waves(self.n_epochs_)
        if is_end:
            self._close_wave(state)
        if not self.recipe.early_stopping:
            run.convergence.add(-loss)
        elif is_end:
            if run.convergence.add(score):
                self._keep_best_epoch(state)
            state.is_over = run.convergence.n_no_improvement > 0
        state.is_cut_short = is_stopped_after(run)

    def _close_wave(self, state: TrainingState) -> None:
        self.ends_.setdefault(state.n_epochs, copy_state(self.module_))

    def _keep_best_epoch(self, state: TrainingState) -> None:
        self.keep_best()
        self.best_epoch_ = state.n_epochs

    def _shorten(self, state: TrainingState, seconds: float) -> None:
        """Let the schedule end with the last epoch that there is time for."""
        max_time = self.recipe.max_time
        if max_time is None:
            return
        n_to_come = int((max_time - seconds) / seconds * state.n_epochs)
        fitting = state.n_epochs + max(n_to_come, 0)
        if fitting < state.run.epochs:
            state.run.epochs = self.n_epochs_ = fitting
            if self.verbose >= 2:
                print(f"{max_time} seconds are enough for {fitting} epochs.")


def nothing(module) -> list:
    """Give the parameters that an L2 penalty is about: decay is no part of the loss."""
    return []


def ends_of_waves(n_epochs: int) -> set[int]:
    """Give the numbers of the epochs, from 1, after which coslog4 is nearest to 0."""
    return {max(1, round(n_epochs * (2**wave - 1) / 15)) for wave in range(1, 5)}
