"""What the three estimators share: one fit, told as a table of contents."""

import copy
import functools
import warnings
from abc import ABC, abstractmethod

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils.validation import check_is_fitted

from sknn_deep._sklearn_private import check_optimize_result
from sknn_deep.estimators._data import (
    Samples,
    check_rows,
    positive_rows,
    random_state_of,
    split_rows,
)
from sknn_deep.estimators._epoch_tasks import EpochTasks
from sknn_deep.modules import (
    OUT_ACTIVATIONS,
    Dense,
    ModelSummary,
    RandomLayer,
    can_backpropagate,
    dense_weights,
    explicit_gradient,
    glorot_uniform_,
    recorded_gradient,
    summarize,
)
from sknn_deep.training import (
    Batches,
    Convergence,
    Net,
    Placement,
    Recipe,
    add_penalty,
    as_tensor,
    copy_state,
    device_permutations,
    make_rows,
    minimize_lbfgs,
    numpy_permutations,
    resolve_placement,
    resolve_recipe,
    set_learning_rate,
    thread_count,
)

_RECIPE_PARAMETERS = (
    "solver",
    "alpha",
    "learning_rate",
    "learning_rate_init",
    "power_t",
    "max_iter",
    "shuffle",
    "tol",
    "momentum",
    "nesterovs_momentum",
    "early_stopping",
    "beta_1",
    "beta_2",
    "epsilon",
    "n_iter_no_change",
    "max_time",
    "clip_grad_norm",
)


class BaseNetEstimator(CallbackSupportMixin, BaseEstimator, ABC):
    """An estimator that trains a network, held as the skorch net ``net_``.

    A subclass says what the network is (``_make_module``, ``_make_criterion``), what
    it is trained towards (``_encode``), and how its output is judged (``_score_of``).
    """

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- what a subclass says -------------------------------------------------------

    @abstractmethod
    def _make_module(self, n_features: int) -> tuple[type, dict]:
        """Give the class of the network and its arguments, without the dtype."""

    @abstractmethod
    def _make_criterion(self) -> tuple[type, dict]:
        """Give the class of the loss and its arguments."""

    @abstractmethod
    def _encode(self, samples: Samples) -> np.ndarray | None:
        """Give what the network's output is compared with; None is X itself."""

    @abstractmethod
    def _default_score(self, output: np.ndarray, samples: Samples) -> float:
        """Judge activated outputs; higher is better."""

    # --- fitting ---------------------------------------------------------------------

    def _first_pass(self, *, incremental: bool) -> bool:
        return not hasattr(self, "net_") or not (self.warm_start or incremental)

    def _fit_samples(
        self,
        samples: Samples,
        *,
        valid: Samples | None = None,
        stratify: np.ndarray | None = None,
        incremental: bool = False,
    ):
        """Train on validated samples, and set what scikit-learn's users expect."""
        first_pass = self._first_pass(incremental=incremental)
        placement = resolve_placement(
            self.device, self.precision, samples.X.dtype, owner=type(self).__name__
        )
        random_state = random_state_of(self.random_state)
        final_placement = placement
        if self.solver == "lbfgs":
            placement = self._check_lbfgs(placement)
        rows = positive_rows(samples.weight)
        n_samples = len(samples) if rows is None else len(rows)
        recipe = self._resolve_recipe(n_samples, samples.X.shape[1], placement)
        net = self._prepare_net(
            recipe,
            placement,
            n_features=samples.X.shape[1],
            random_state=random_state,
            first_pass=first_pass,
            incremental=incremental,
        )
        if first_pass:
            self._forget_curves()
        if self.solver == "lbfgs":
            samples = samples if rows is None else samples.take(rows)
            self._run_lbfgs(net, samples)
            net.module_.to(final_placement.dtype)
            net.placement = final_placement
        else:
            self._run_epochs(
                net,
                samples,
                rows,
                valid=valid,
                stratify=stratify,
                random_state=random_state,
                incremental=incremental,
            )
        if not all(p.isfinite().all() for p in net.module_.parameters()):
            raise ValueError(net.divergence_message())
        self.net_ = net
        self.device_ = net.device
        return self

    def _resolve_recipe(
        self, n_samples: int, n_features: int, placement: Placement
    ) -> Recipe:
        if self.batch_size != "auto" and self.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going "
                "to be clipped",
                stacklevel=2,
            )
        module, arguments = self._make_module(n_features)
        with torch.device("meta"):
            sizes = [p.numel() for p in module(**arguments).parameters()]
        return resolve_recipe(
            batch_size=self.batch_size,
            n_samples=n_samples,
            n_parameters=sum(sizes),
            device=placement.device,
            **{name: getattr(self, name) for name in _RECIPE_PARAMETERS},
        )

    def _check_lbfgs(self, placement: Placement) -> Placement:
        """Refuse what makes the loss random; compute in float64."""
        if np.any(self.dropout) or self.normalization == "batch":
            raise ValueError(
                f"solver='lbfgs' of {type(self).__name__} needs a loss that depends on "
                "the weights alone: set dropout=0 and normalization to None or "
                "'layer', or choose another solver."
            )
        return Placement(placement.device, torch.float64)

    def _gradient(self, module_type: type, arguments: dict, placement: Placement):
        """Choose how gradients are computed: written out where that applies."""
        with torch.device("meta"):
            plain = can_backpropagate(module_type(**arguments))
        on_cpu = placement.device.type == "cpu" and placement.autocast is None
        if plain and on_cpu and not self.compile:
            return explicit_gradient
        return functools.partial(
            recorded_gradient, autocast=placement.autocast, compile=self.compile
        )

    def _prepare_net(
        self,
        recipe: Recipe,
        placement: Placement,
        *,
        n_features: int,
        random_state: np.random.RandomState,
        first_pass: bool,
        incremental: bool,
    ) -> Net:
        """Make a new net, with new weights on the first pass, or go on with the last.

        Only ``partial_fit`` after ``partial_fit`` goes on with the optimizer too.
        """
        if not first_pass and incremental and self._optimizer_goes_on:
            return self._renew_net(recipe)
        module, arguments = self._make_module(n_features)
        criterion, criterion_arguments = self._make_criterion()
        net = Net(
            module,
            criterion,
            recipe=recipe,
            placement=placement,
            gradient=self._gradient(module, arguments, placement),
            weights=dense_weights,
            owner=type(self).__name__,
            callbacks=clone_callbacks(self.callbacks),
            verbose=self.verbose,
            module__dtype=placement.dtype,
            **{f"module__{name}": value for name, value in arguments.items()},
            **{f"criterion__{k}": v for k, v in criterion_arguments.items()},
        ).initialize()
        if first_pass:
            layers = [m for m in net.module_.modules() if isinstance(m, Dense)]
            factor = 2.0 if self.activation == "logistic" else 6.0
            glorot_uniform_(layers, random_state, factor=factor)
        else:
            net.module_.load_state_dict(self.net_.module_.state_dict())
        return net

    def _renew_net(self, recipe: Recipe) -> Net:
        """Take the last net with its optimizer, and the parameters as they are now."""
        net, before = self.net_, self.net_.recipe
        net.recipe = recipe
        if recipe.solver != before.solver:
            net.initialize_optimizer()
        elif recipe.learning_rate_init != before.learning_rate_init:
            set_learning_rate(net.optimizer_, recipe.learning_rate_init)
        return net

    def _forget_curves(self) -> None:
        self.n_iter_ = self.t_ = 0
        for name in ("loss_curve_", "validation_loss_curve_", "validation_scores_"):
            vars(self).pop(name, None)
        for name in ("best_loss_", "best_validation_score_", "_convergence"):
            vars(self).pop(name, None)

    # --- solvers ---------------------------------------------------------------------

    def _run_epochs(
        self,
        net: Net,
        samples: Samples,
        rows: np.ndarray | None,
        *,
        valid: Samples | None,
        stratify: np.ndarray | None,
        random_state: np.random.RandomState,
        incremental: bool,
    ) -> None:
        """Train a batch at a time, with the curves and warnings of scikit-learn."""
        recipe = net.recipe
        if recipe.early_stopping and valid is None:
            rows = np.arange(len(samples)) if rows is None else rows
            rows, valid_rows = split_rows(
                rows,
                stratify=None if stratify is None else stratify[rows],
                validation_fraction=self.validation_fraction,
                random_state=random_state,
            )
            valid = samples.take(valid_rows)
        generator = self._make_generator(net, random_state)
        batches = self._make_batches(
            net, samples, rows, random_state=random_state, generator=generator
        )
        convergence = getattr(self, "_convergence", None)
        if convergence is None:
            convergence = Convergence(recipe.tol, recipe.n_iter_no_change)
        convergence = copy.copy(convergence)
        convergence.tol = recipe.tol
        convergence.n_iter_no_change = recipe.n_iter_no_change
        tasks = self._make_epoch_tasks(samples, incremental=incremental)
        net.callbacks_ = [*net.callbacks_, *tasks]
        n_before = len(net.history)
        state = copy_state(net.module_)
        try:
            net.partial_fit(
                batches,
                epochs=1 if incremental else recipe.max_iter,
                convergence=convergence,
                generator=generator,
                evaluate=self._make_evaluate(net, valid),
                n_seen=getattr(self, "t_", 0),
            )
        except BaseException:
            # The net may be the one that a partial_fit went on with.
            net.module_.load_state_dict(state)
            net.initialize_optimizer()
            raise
        net.callbacks_ = net.callbacks_[: len(net.callbacks_) - len(tasks)]
        if recipe.early_stopping:
            net.module_.load_state_dict(net.best_state_)
            del net.best_state_
        if not incremental:
            net.initialize_optimizer()
        self._optimizer_goes_on = incremental
        self._convergence = convergence
        self._set_curves(
            net.history[n_before:], convergence, has_valid=valid is not None
        )
        self.t_ = net.n_seen_
        self._warn_unless_converged(net, incremental=incremental)

    def _make_epoch_tasks(
        self, samples: Samples, *, incremental: bool
    ) -> list[tuple[str, EpochTasks]]:
        """Make what tells scikit-learn's callbacks, if any are set, of each epoch."""
        has_callbacks = hasattr(self, "_skl_callbacks") or hasattr(
            self, "_parent_callback_ctx"
        )
        if incremental or not has_callbacks:
            return []
        context = self._init_callback_context(max_subtasks=self.max_iter)
        return [("epoch_tasks", EpochTasks(self, context, samples))]

    def _make_generator(
        self, net: Net, random_state: np.random.RandomState
    ) -> torch.Generator | None:
        """Make the generator of dropout masks and noise, and of orders off the CPU.

        Seeded anew at each call of ``partial_fit``, it also depends on how many rows
        were seen before, so that no two calls draw the same masks.
        """
        on_cpu = net.placement.device.type == "cpu"
        if on_cpu and not any(
            isinstance(m, RandomLayer) for m in net.module_.modules()
        ):
            return None
        generator = torch.Generator(net.placement.device)
        seed = random_state.randint(np.iinfo(np.int32).max)
        generator.manual_seed(int(seed) + getattr(self, "t_", 0))
        return generator

    def _make_batches(
        self,
        net: Net,
        samples: Samples,
        rows: np.ndarray | None,
        *,
        random_state: np.random.RandomState,
        generator: torch.Generator | None,
    ) -> Batches:
        placement, recipe = net.placement, net.recipe
        n_rows = len(samples) if rows is None else len(rows)
        permute = None
        if recipe.shuffle and placement.device.type == "cpu":
            permute = numpy_permutations(n_rows, random_state)
        elif recipe.shuffle:
            permute = device_permutations(n_rows, generator)
        X, target, weight = self._place(net, samples)
        return Batches(
            X,
            target,
            weight,
            batch_size=recipe.batch_size,
            permute=permute,
            subset=None if rows is None else as_tensor(rows, device=placement.device),
        )

    def _place(self, net: Net, samples: Samples):
        """Bring samples to the device: rows, targets and weights."""
        placement = net.placement
        device = placement.device
        rows = make_rows(samples.X, placement.X_dtype, device)
        target = self._encode(samples)
        if target is not None:
            is_classes = target.dtype == np.int64 and target.ndim == 1
            target = as_tensor(
                target, torch.int64 if is_classes else placement.dtype, device
            )
        weight = samples.weight
        if weight is not None:
            weight = as_tensor(weight, placement.dtype, device)
        return rows, target, weight

    def _make_evaluate(self, net: Net, valid: Samples | None):
        """Make the function that gives loss and score on the validation samples."""
        if valid is None:
            return None
        rows, target, weight = self._place(net, valid)
        if target is None:
            target = rows.slice(0, len(valid))
        score_of = self._make_score(net, valid)

        def evaluate() -> tuple[float, float]:
            output = net.forward(rows, device=net.device)
            loss = net.criterion_(output, target, weight).item()
            loss *= net.criterion_.reported_scale(output)
            if not np.isfinite(loss):
                return loss, float("nan")
            return loss, float(score_of(output, loss))

        return evaluate

    def _make_score(self, net: Net, valid: Samples):
        """Make what early stopping watches: the default score, "loss", or a scorer."""
        scoring = getattr(self, "scoring", None)
        if scoring == "loss":
            return lambda output, loss: -loss
        if scoring is None:
            return lambda output, loss: self._default_score(
                self._activate(output), valid
            )
        scorer = check_scoring(self, scoring)
        weight = {} if valid.weight is None else {"sample_weight": valid.weight}
        view = copy.copy(self)
        view.net_ = net
        # The validation rows are an array already, whatever the user passed.
        vars(view).pop("feature_names_in_", None)
        return lambda output, loss: scorer(view, valid.X, valid.y, **weight)

    def _set_curves(
        self, history: list[dict], convergence: Convergence, *, has_valid: bool
    ) -> None:
        losses = [epoch["train_loss"] for epoch in history]
        self.n_iter_ = len(losses)
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *losses]
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else np.nan
        self.best_loss_ = None if self.early_stopping else -convergence.best
        self._no_improvement_count = convergence.n_no_improvement
        if not has_valid:
            self.validation_scores_ = None
            self.validation_loss_curve_ = None
            self.best_validation_score_ = None
            return
        scores = [epoch["valid_score"] for epoch in history]
        valid_losses = [epoch["valid_loss"] for epoch in history]
        self.validation_scores_ = [
            *(getattr(self, "validation_scores_", None) or []),
            *scores,
        ]
        self.validation_loss_curve_ = [
            *(getattr(self, "validation_loss_curve_", None) or []),
            *valid_losses,
        ]
        finite = [score for score in self.validation_scores_ if np.isfinite(score)]
        self.best_validation_score_ = max(finite, default=-np.inf)

    def _warn_unless_converged(self, net: Net, *, incremental: bool) -> None:
        if net.diverged_:
            warnings.warn(
                f"{net.divergence_message()} The best weights before that were "
                "restored.",
                ConvergenceWarning,
                stacklevel=2,
            )
        elif not net.converged_ and not incremental:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )

    def _run_lbfgs(self, net: Net, samples: Samples) -> None:
        """Train on all rows at once with SciPy's L-BFGS-B, in float64."""
        rows, target, weight = self._place(net, samples)
        X = rows.slice(0, len(samples))
        target = X if target is None else target

        def objective(scale: float = 1.0) -> float:
            """Compute the loss, and leave its gradient in the parameters."""
            value, _ = gradient.compute(X, target, weight)
            penalty = add_penalty(gradient.penalized, self.alpha, weight, len(X))
            return (value * scale + penalty).item()

        with (
            thread_count(net.recipe.n_threads),
            net.gradient(net.module_, net.criterion_, n_rows=len(X)) as gradient,
        ):
            result = minimize_lbfgs(
                net.module_,
                objective,
                max_iter=self.max_iter,
                max_fun=self.max_fun,
                tol=self.tol,
            )
            output = net.module_(X[:1])
            self.loss_ = objective(net.criterion_.reported_scale(output))
        self.n_iter_ = check_optimize_result("lbfgs", result, self.max_iter)

    # --- prediction ------------------------------------------------------------------

    def _activate(self, output: torch.Tensor) -> np.ndarray:
        return OUT_ACTIVATIONS[self.out_activation_](output).cpu().numpy()

    def _forward(self, X) -> np.ndarray:
        """Validate X and return the network's activated output."""
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        return self._activate(self.net_.forward(X))

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer, ndarrays of shape (n_units_in, n_units_out)."""
        check_is_fitted(self)
        return [weight.T for weight in self._dense_arrays("weight")]

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Biases of each layer, ndarrays of shape (n_units_out,)."""
        check_is_fitted(self)
        return self._dense_arrays("bias")

    def _dense_arrays(self, name: str) -> list[np.ndarray]:
        return [
            getattr(layer, name).detach().cpu().numpy()
            for layer in self.net_.module_.modules()
            if isinstance(layer, Dense)
        ]

    def summary(self) -> ModelSummary:
        """Summarize the network: layers, output shapes, numbers of parameters.

        Returns
        -------
        summary : ModelSummary
            Prints as a table, and shows as one in a notebook.
        """
        check_is_fitted(self)
        return summarize(self.net_.module_, type(self).__name__)


def clone_callbacks(callbacks) -> list:
    """Copy skorch callbacks, or (name, callback) pairs, so that fits share none."""
    return [
        (item[0], clone(item[1])) if isinstance(item, tuple | list) else clone(item)
        for item in callbacks or []
    ]
