"""What all estimators share: one fit, told as a table of contents."""

import copy
import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import fields, replace

import numpy as np
import torch
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sknn_deep._moved_names import parameters_since
from sknn_deep._sklearn_private import (
    CallbackSupportMixin,
    check_optimize_result,
    has_callbacks,
)
from sknn_deep.data import (
    FitData,
    Samples,
    check_groups,
    check_rows,
    choose_split,
    concatenate,
    is_splitter,
    positive_rows,
    random_state_of,
    refuse_unused_groups,
    split_rows,
)
from sknn_deep.fitting import (
    CURVES,
    PREFIX,
    ClonedByCopying,
    EpochTasks,
    FitPlan,
    advise_on_columns,
    callback_parameters,
    change_callbacks,
    check_picklable_callbacks,
    decode_net,
    decode_state,
    draw_weights,
    encode_state,
    extend_curves,
    forget_curves,
    is_loss_large,
    make_batches,
    make_evaluate,
    make_generator,
    make_net,
    make_scorings,
    renew_convergence,
    renew_net,
    run_epochs,
    run_lbfgs,
    take_weights,
    warn_of_other_scale,
    warn_unless_converged,
    watch_states,
)
from sknn_deep.gradients import fastest_gradient, penalized_weights
from sknn_deep.machine import Placement, resolve_placement, warn_of_replicas
from sknn_deep.modules import ModelSummary, summarize
from sknn_deep.optimizers import STEP_SCHEDULES
from sknn_deep.parameters import AnsweringMixin, say_our_parameters
from sknn_deep.rows import Batches
from sknn_deep.training import Net, Recipe, Run, resolve_recipe

_RECIPE_PARAMETERS = [f.name for f in fields(Recipe) if f.name != "batch_size"]

# Numbers that tensors are multiplied by, or compared with.
_FACTORS = ("alpha", "noise_level", "sparsity_penalty", "kl_weight", "huber_delta")


def is_stochastic(estimator) -> bool:
    """Tell whether ``partial_fit`` is to be had; raise if it is not."""
    if not hasattr(estimator, "solver"):
        raise AttributeError(
            f"{type(estimator).__name__} has no partial_fit: its schedules span one "
            "fit to all rows."
        )
    if estimator.solver == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. "
            f"{estimator.solver} is not stochastic."
        )
    return True


class BaseNetEstimator(AnsweringMixin, CallbackSupportMixin, BaseEstimator, ABC):
    """An estimator that trains a network, held as the skorch net ``net_``.

    A subclass says what the network is (``_make_module``, ``_make_criterion``), what it
    is trained towards (``_encode``), and how its output is judged
    (``_default_score``).
    """

    # A search with groups for its own splitter alone works without a request.
    __metadata_request__fit = {"groups": False}

    # What batch_size="auto" is, where there are as many rows.
    _auto_batch_size = 200

    # Attributes that grow by a number for each epoch, by what the history calls it.
    _curves = CURVES

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "net_") or hasattr(self, "estimators_")

    def __sklearn_clone__(self):
        stand_in = copy.copy(self)
        stand_in.callbacks = ClonedByCopying(self.callbacks)
        return super(BaseNetEstimator, stand_in).__sklearn_clone__()

    # Copies share, or copy, what is here, also where a pickle cannot have it.

    def __copy__(self):
        copied = type(self).__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self, memo: dict):
        copied = memo[id(self)] = type(self).__new__(type(self))
        vars(copied).update(copy.deepcopy(vars(self), memo))
        return copied

    def __getstate__(self) -> dict:
        """Give parameters as they are, and what was learnt as plain values."""
        check_picklable_callbacks(self)
        return encode_state(super().__getstate__())

    def __setstate__(self, state: dict) -> None:
        added = parameters_since(type(self), state)
        super().__setstate__({**added, **decode_state(state)})
        if isinstance(state.get("net_"), dict):
            self.net_ = decode_net(state["net_"], self)
        # A pickle's GPU may be missing here.
        if "net_" in state:
            self.device_ = self.net_.device
        elif "estimators_" in state:
            self.device_ = self.estimators_[0].device_

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # --- parameters ------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict:
        """Get the parameters, those of the callbacks among them.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give callbacks and their parameters too, as `callbacks__name` and
            `callbacks__name__parameter`. The name is the one in the callback's pair, or
            that of its class, numbered where there are several (`EarlyStopping_1`).

        Returns
        -------
        params : dict of str -> object
            Values by the names of the parameters.
        """
        params = super().get_params(deep=deep)
        if deep and "callbacks" in params:
            params.update(callback_parameters(self.callbacks))
        return params

    def set_params(self, **params):
        """Set parameters, those of the callbacks among them.

        Parameters
        ----------
        **params : dict of str -> object
            Values by the names that ``get_params`` gives. A callback that gets another
            parameter is copied first: the one that was passed stays as it is.
            ``callbacks__name=None`` leaves a callback out.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter or callback.
        """
        nested = {k: v for k, v in params.items() if k.startswith(PREFIX)}
        if nested:
            params = {k: v for k, v in params.items() if k not in nested}
            params["callbacks"] = change_callbacks(
                params.get("callbacks", self.callbacks),
                nested,
                owner=type(self).__name__,
            )
        try:
            return super().set_params(**params)
        except ValueError as error:
            unknown = sorted(params.keys() - self.get_params().keys())
            said = say_our_parameters(unknown, self)
            raise ValueError(f"{error}{said}") from None

    # --- what a subclass says -------------------------------------------------------

    @abstractmethod
    def _make_module(self, n_features: int) -> tuple[type, dict]:
        """Give the class of the network and its arguments, without the dtype."""

    def _net_kind(self, placement: Placement) -> tuple[type[Net], dict]:
        """Give the class of the net, and what it needs beside what all nets do."""
        gradient = functools.partial(
            fastest_gradient, autocast=placement.autocast, compile=self.compile
        )
        return Net, {"gradient": gradient, "penalized": penalized_weights}

    @abstractmethod
    def _check_fit(self, X, y, sample_weight=None, **options) -> FitData:
        """Check what ``fit`` or ``partial_fit`` got, and learn the targets' form."""

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
        return not self._has_trained() or not (self.warm_start or incremental)

    def _has_trained(self) -> bool:
        """Tell whether there is something to go on with."""
        return hasattr(self, "net_")

    def _fit(self, data: FitData, *, incremental: bool = False):
        """Train on checked data, and set what scikit-learn's users expect."""
        plan = self._plan_fit(data, incremental=incremental)
        self._train(plan)
        return self._end_fit(plan)

    def _set_aside(self, data: FitData, X, y, groups) -> FitData:
        """Let a splitter, if there is one, say which rows to validate on.

        `X`, `y` and `groups` are as the user passed them.
        """
        owner = type(self).__name__
        groups = check_groups(groups, len(data.samples), owner=owner)
        is_given = data.valid is not None
        if is_given and self.solver != "lbfgs":
            warn_of_other_scale(self, data.samples.X, data.valid.X)
        if not self.early_stopping or self.solver == "lbfgs" or is_given:
            return data
        if not is_splitter(self.validation_fraction):
            if groups is not None:
                refuse_unused_groups(self.validation_fraction, owner=owner)
            return data
        split = choose_split(
            self.validation_fraction,
            X,
            y,
            groups,
            rows=positive_rows(data.samples.weight),
            n_rows=len(data.samples),
            owner=owner,
        )
        return replace(data, split=split)

    def _plan_fit(self, data: FitData, *, incremental: bool = False) -> FitPlan:
        """Make the net, and all that its training needs."""
        warn_of_replicas()
        samples = data.samples
        first_pass = self._first_pass(incremental=incremental)
        n_features = samples.X.shape[1]
        rows = positive_rows(samples.weight)
        n_rows = len(samples) if rows is None else len(rows)
        placement = resolve_placement(
            self.device,
            self.precision,
            self._float_type(samples.X),
            owner=type(self).__name__,
        )
        recipe = self._resolve_recipe(n_rows, placement, incremental=incremental)
        random_state = random_state_of(self.random_state)
        final = placement
        if self.solver == "lbfgs":
            self._check_lbfgs()
            placement = Placement(placement.device, torch.float64)
        if incremental and not first_pass and self._keeps_optimizer:
            net = renew_net(self.net_, self, n_features, recipe)
        else:
            net = self._start_net(
                n_features, recipe, placement, random_state, first_pass=first_pass
            )
        self._look_at(net, samples)
        if first_pass:
            forget_curves(self)
        if self.solver == "lbfgs":
            samples = samples if rows is None else samples.take(rows)
            return FitPlan(net, samples, final)
        run = self._plan_epochs(
            net, data, rows, random_state=random_state, incremental=incremental
        )
        return FitPlan(net, samples, final, run, incremental, data.valid, data.split)

    def _float_type(self, X) -> np.dtype:
        """Tell the type of numbers that validated rows are computed in."""
        return X.dtype

    def _start_net(
        self,
        n_features: int,
        recipe: Recipe,
        placement: Placement,
        random_state: np.random.RandomState,
        *,
        first_pass: bool,
    ) -> Net:
        """Make a net, with new weights or those of the last fit."""
        net = make_net(self, n_features, recipe, placement)
        if first_pass:
            draw_weights(net, self.activation, random_state)
        else:
            take_weights(net, self.net_.module_)
        return net

    def _look_at(self, net: Net, samples: Samples) -> None:
        """See what the network does with a first batch, if that is not known."""

    def _train(self, plan: FitPlan) -> None:
        if plan.run is None:
            self._run_lbfgs(plan)
            return
        with (
            plan.net.extra_callbacks(self._epoch_tasks(plan)),
            watch_states(self, plan) as keeper,
        ):
            run_epochs(plan.run, keep_optimizer=plan.incremental, keeper=keeper)
        self._warn_unless_converged(plan)

    def _warn_unless_converged(self, plan: FitPlan) -> None:
        if not plan.incremental:
            advice = self._convergence_advice(plan)
            warn_unless_converged(
                plan.net, advice, constant=self._constant, stacklevel=2
            )

    def _end_fit(self, plan: FitPlan):
        """Take over a trained net; nothing fails here, and nothing is to be undone."""
        net, run = plan.net, plan.run
        if run is None:
            net.move_to(plan.placement)
        else:
            extend_curves(
                self,
                net.history,
                plan.n_epochs_before,
                run.convergence,
                has_valid=run.evaluate is not None,
            )
            self._convergence = run.convergence
            self.t_ = net.n_seen_
        self._keeps_optimizer = plan.incremental
        self.net_ = net
        self.device_ = net.device
        return self

    def _resolve_recipe(
        self,
        n_rows: int,
        placement: Placement,
        *,
        incremental: bool,
    ) -> Recipe:
        if self.solver != "lbfgs":  # which computes in float64
            self._check_in_range(placement.dtype)
        parameters = {name: getattr(self, name) for name in _RECIPE_PARAMETERS}
        parameters["batch_size"], parameters["max_iter"] = self._resolve_sizes(n_rows)
        if incremental and self.learning_rate in STEP_SCHEDULES:
            # Nobody knows how many calls there will be to span.
            parameters["learning_rate"] = "constant"
        return resolve_recipe(n_samples=n_rows, **parameters)

    def _resolve_sizes(self, n_rows: int) -> tuple[int, int]:
        """Turn `batch_size` and `max_iter` into numbers, for so many rows."""
        is_auto = self.batch_size == "auto"
        return self._auto_batch_size if is_auto else self.batch_size, self.max_iter

    def _check_in_range(self, dtype: torch.dtype) -> None:
        """Refuse numbers that torch cannot multiply with in this precision."""
        largest = torch.finfo(dtype).max
        for name in _FACTORS:
            value = float(vars(self).get(name, 0.0))
            if largest < value < np.inf:
                raise ValueError(
                    f"The {name!r} parameter of {type(self).__name__} is too large for "
                    f"the precision {dtype}, whose largest number is {largest:.3g}. "
                    f"Got {value!r}."
                )

    def _check_lbfgs(self) -> None:
        """Refuse what makes the loss random."""
        if np.any(self.dropout) or self.normalization == "batch":
            raise ValueError(
                f"solver='lbfgs' of {type(self).__name__} needs a loss that depends on "
                "the weights alone: set dropout=0 and normalization to None or "
                "'layer', or choose another solver."
            )

    def _plan_epochs(
        self,
        net: Net,
        data: FitData,
        rows: np.ndarray | None,
        *,
        random_state: np.random.RandomState,
        incremental: bool,
    ) -> Run:
        """Split and place the rows, in scikit-learn's order of random draws."""
        samples, valid = data.samples, data.valid
        if self.early_stopping and valid is None:
            rows, valid_rows = data.split or split_rows(
                np.arange(len(samples)) if rows is None else rows,
                stratify=data.stratify,
                validation_fraction=self.validation_fraction,
                random_state=random_state,
            )
            valid = samples.take(valid_rows)
        n_rows = samples.X.shape[0] if rows is None else len(rows)
        if self.batch_size != "auto" and self.batch_size > n_rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going "
                "to be clipped",
                stacklevel=2,
            )
        generator = make_generator(net, random_state, self.t_)
        epochs = 1 if incremental else net.recipe.max_iter
        batches = self._make_batches(
            net,
            data,
            rows,
            n_epochs=0 if incremental else epochs,
            random_state=random_state,
            generator=generator,
        )
        return Run(
            net,
            batches,
            epochs=epochs,
            convergence=renew_convergence(vars(self).get("_convergence"), net.recipe),
            generator=generator,
            evaluate=None if valid is None else make_evaluate(self, net, valid),
            scorings=make_scorings(self, net, valid=valid, train=(samples, rows))
            if net.callbacks
            else {},
            n_seen=self.t_,
        )

    def _make_batches(
        self, net: Net, data: FitData, rows, *, n_epochs: int, **random
    ) -> Batches:
        """Put the rows to train on, of all or of those numbered, into batches.

        `n_epochs` is 0 where nobody knows how many there will be.
        """
        samples = data.samples
        return make_batches(net, samples, self._encode(samples), rows, **random)

    def _identity(self, plan: FitPlan) -> dict[str, str]:
        """Tell what else than parameters, rows and weights decides on a fit."""
        return {}

    # What a network predicts that has learnt nothing.
    _constant = "the means of some columns"

    def _convergence_advice(self, plan: FitPlan) -> str:
        """Tell what else than more epochs would help, if something would."""
        return ""

    def _is_loss_large(self, plan: FitPlan, constant, target, weight) -> bool:
        """Tell whether the training ended not far below a constant output's loss."""
        net = plan.net
        if not len(net.history):  # interrupted in the first epoch
            return False
        loss = net.history[-1]["train_loss"]
        # What has ended of itself may be little better than that, and no worse.
        large = 1.0 if net.converged_ else 0.5
        return is_loss_large(
            loss, net.criterion_, constant, target, weight, large=large
        )

    def _advise_on_columns(self, plan: FitPlan) -> str:
        names = vars(self).get("feature_names_in_")
        return advise_on_columns(plan.samples.X, names)

    def _own_rates(self) -> list[tuple[str, float]]:
        """Give patterns of parameters' names, and their learning rates."""
        return []

    def _remedy(self) -> str:
        """Tell what to do first if the training diverges."""
        return "scale X first, with StandardScaler for instance"

    def _epoch_tasks(self, plan: FitPlan) -> list[tuple[str, EpochTasks]]:
        """Make what tells scikit-learn's callbacks, if any are set, of each epoch."""
        if plan.incremental or not has_callbacks(self):
            return []
        context = self._init_callback_context(max_subtasks=plan.net.recipe.max_iter)
        return [("epoch_tasks", EpochTasks(self, context, plan.samples))]

    def _run_lbfgs(self, plan: FitPlan) -> None:
        result, self.loss_ = run_lbfgs(
            plan.net,
            plan.samples,
            self._encode(plan.samples),
            max_fun=self.max_fun,
        )
        self.n_iter_ = check_optimize_result("lbfgs", result, plan.net.recipe.max_iter)

    # --- prediction ------------------------------------------------------------------

    def _check_fitted(self) -> None:
        """Refuse to predict before a fit; scikit-learn's check looks at tags too."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)

    def _check_rows(self, X, y="no_validation", *, reset: bool, **options):
        """Validate X, and y if there is one; `reset` learns the features' names."""
        return check_rows(self, X, y, reset=reset, **options)

    def _activate(self, output: torch.Tensor) -> np.ndarray:
        """Bring the network's output to what is predicted, or decoded to that."""
        return output.cpu().numpy()

    def _end_training_mode(self) -> None:
        """Predict without dropout and the like, also in the middle of a training."""
        if self.net_.module_.training:
            self.net_.module_.eval()

    def _activated_blocks(self, X) -> Iterator[np.ndarray]:
        """Yield the activated output of one block of validated rows after the other."""
        self._end_training_mode()
        net = self.net_
        blocks = net.map_blocks(
            net.module_, X, takes_sparse=True, finish=self._activate
        )
        return map(self._check_output, blocks)

    def _map(
        self,
        function: Callable[[torch.Tensor], torch.Tensor],
        X,
        finish: Callable[[torch.Tensor], np.ndarray] = torch.Tensor.numpy,
        *,
        takes_sparse: bool = False,
    ) -> np.ndarray:
        """Pass validated rows through part of the network, block by block."""
        self._end_training_mode()
        blocks = self.net_.map_blocks(
            function, X, takes_sparse=takes_sparse, finish=finish
        )
        return concatenate(map(self._check_output, blocks), n_rows=X.shape[0])

    def _check_output(self, output: np.ndarray) -> np.ndarray:
        """Refuse NaN and infinity, which no check of X would explain to the user."""
        if get_config()["assume_finite"] or np.isfinite(output).all():
            return output
        raise ValueError(
            f"{type(self).__name__} cannot compute with this X: what comes out is NaN "
            f"or infinite in {output.dtype}. Scale X in the way of the rows that were "
            "fitted, with StandardScaler in a Pipeline for instance."
        )

    def _single_net(self) -> Net:
        """Give the net; refuse if there are several."""
        self._check_fitted()
        if hasattr(self, "net_"):
            return self.net_
        raise AttributeError(
            f"This {type(self).__name__} is an ensemble of {len(self.estimators_)} "
            "networks: ask one of its estimators_, such as estimators_[0]."
        )

    def summary(self) -> ModelSummary:
        """Summarize the network: layers, output shapes, numbers of parameters.

        Returns
        -------
        summary : ModelSummary
            Prints as a table, and shows as one in a notebook.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        AttributeError
            If there are several networks: `estimators_` has them.
        """
        return summarize(self._single_net().module_, type(self).__name__)
