"""What the two estimators for tables share."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.metrics import check_scoring
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    validate_data,
)

from sknn_deep._sklearn_private import (
    HasMethods,
    Interval,
    StrOptions,
    check_y,
    has_callbacks,
    takes_weights,
)
from sknn_deep.columns import (
    Table,
    TableEncoder,
    find_categorical,
    is_frame,
    keep_numbers,
    read_table,
    refuse_sparse,
)
from sknn_deep.data import (
    FitData,
    Samples,
    as_array_like,
    check_groups,
    choose_last_splits,
    errors_about_targets,
    errors_instead_of_overflow,
    is_splitter,
    positive_rows,
    random_state_of,
    refuse_rows,
    refuse_swapped,
    refuse_unused_groups,
)
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.fitting import (
    EpochTasks,
    HeldBack,
    TabularRecipe,
    choose_end,
    extend_curves,
    forget_curves,
    hold_back_by_splits,
    hold_back_of,
    make_net,
    make_scorings,
    resolve_tabular_recipe,
    run_epochs,
    take_rows,
    view_while_training,
)
from sknn_deep.gradients import tabular_gradient
from sknn_deep.machine import resolve_placement, warn_of_replicas
from sknn_deep.modules import TabularMLP, start_from_data
from sknn_deep.parameters import (
    SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_hidden_layer_sizes,
)
from sknn_deep.rows import (
    Batches,
    DenseRows,
    as_tensor,
    device_permutations,
    place_targets,
)
from sknn_deep.training import Convergence, Run, StateKeeper, TabularNet

# Rows by which the starting weights are scaled.
_N_ROWS_OF_START = 2048

_COPIED = (
    "activation",
    "alpha",
    "callbacks",
    "device",
    "early_stopping",
    "max_time",
    "random_state",
    "verbose",
)


class BaseTabular(BaseNetEstimator):
    """Networks for a table: its columns are encoded, rows held back are predicted."""

    _parameter_constraints: dict = {
        **{name: TRAINING_CONSTRAINTS[name] for name in _COPIED},
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "numeric_embedding": [StrOptions({"periodic"}), None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_cat_to_onehot": [Interval(Integral, 0, None, closed="left")],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="left"),
            HasMethods(["split", "get_n_splits"]),
        ],
        "scoring": SCORING,
        "precision": [StrOptions({"auto", "float32", "float64"})],
    }

    # What other networks let the user choose.
    compile = False
    warm_start = False

    # Of a view of the estimator, in which validation rows are predicted already.
    _activated: np.ndarray | None = None

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    # --- the table --------------------------------------------------------------------

    def _check_rows(self, X, y="no_validation", *, reset: bool, **options):
        """Validate X, and y if there is one, and read the columns of X."""
        if self._activated is not None:
            return X
        refuse_swapped(self, X, y)
        table = self._read_table(X, reset=reset)
        if isinstance(y, str) and y == "no_validation":
            return table
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        y = as_array_like(y)
        with errors_instead_of_overflow(), errors_about_targets(self, y):
            y = check_y(y, estimator=self, **options)
        check_consistent_length(table, y)
        return table, y

    def _read_table(self, X, *, reset: bool) -> Table:
        owner = type(self).__name__
        X = as_array_like(X)
        refuse_rows(self, X)
        refuse_sparse(X, owner=owner)
        if not is_frame(X):
            return read_table(self._check_array(X, reset=reset), owner=owner)
        validate_data(self, X, reset=reset, skip_check_array=True)
        if 0 in X.shape:
            raise ValueError(
                f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                f"while a minimum of 1 is required by {owner}."
            )
        return read_table(X, owner=owner)

    def _check_array(self, X, *, reset: bool) -> np.ndarray:
        with errors_instead_of_overflow():
            array = validate_data(
                self, keep_numbers(X), reset=reset, dtype=None, ensure_all_finite=False
            )
            if array.dtype.kind in "fc":
                check_array(array, ensure_all_finite="allow-nan", input_name="X")
        return array

    def _fit_encoder(self, table: Table) -> None:
        names, owner = getattr(self, "feature_names_in_", None), type(self).__name__
        is_categorical = find_categorical(
            self.categorical_features, table.columns, names, owner=owner
        )
        self._encoder = TableEncoder.fit(
            table, is_categorical, max_onehot=self.max_cat_to_onehot, owner=owner
        )
        self.is_categorical_ = is_categorical if is_categorical.any() else None

    def _encode_table(self, X: Table | np.ndarray) -> np.ndarray:
        """Encode what is not encoded yet."""
        if isinstance(X, np.ndarray):
            return X
        return self._encoder.encode(X, owner=type(self).__name__)

    @property
    def categories_(self) -> list[np.ndarray]:
        """Categories of each column that `is_categorical_` tells of, sorted.

        NaN is the last of them where some are missing.
        """
        self._check_fitted()
        return [categories.to_array() for categories in self._encoder.categories]

    # --- the plan of a fit ------------------------------------------------------------

    def _make_module(self, n_features):
        encoder, recipe = self._encoder, self.recipe_
        return TabularMLP, {
            "n_members": recipe.n_estimators,
            "n_numbers": encoder.n_numbers,
            "n_plain": encoder.n_plain,
            "n_categories": tuple(encoder.n_categories),
            "hidden_layer_sizes": recipe.hidden_layer_sizes,
            "n_outputs": self._target.n_outputs,
            "activations": recipe.activation,
            "embeds_numbers": self.numeric_embedding is not None,
        }

    def _net_kind(self, placement):
        return TabularNet, {
            "gradient": tabular_gradient,
            "dropout": self.recipe_.dropout,
        }

    def _remedy(self):
        return "try a smaller learning_rate_init"

    def _make_recipe(self, n_rows: int) -> TabularRecipe:
        hidden = check_hidden_layer_sizes(self.hidden_layer_sizes)
        owner = type(self).__name__
        return resolve_tabular_recipe(
            n_estimators=int(self.n_estimators),
            hidden_layer_sizes=hidden,
            activation=check_activations(self.activation, len(hidden), owner=owner),
            max_iter=self.max_iter,
            batch_size=int(self.batch_size),
            learning_rate_init=self.learning_rate_init,
            alpha=float(self.alpha),
            dropout=float(self.dropout),
            n_rows=n_rows,
            for_classes=hasattr(self, "classes_"),
            early_stopping=bool(self.early_stopping),
            max_time=self.max_time,
        )

    def _set_aside(self, data, X, y, groups):
        """Let a splitter, if there is one, say which rows each network holds back."""
        owner, n_rows = type(self).__name__, len(data.samples)
        groups = check_groups(groups, n_rows, owner=owner)
        if data.valid is not None:
            return data
        if not is_splitter(self.validation_fraction):
            if groups is not None:
                refuse_unused_groups(self.validation_fraction, owner=owner)
            if self.early_stopping and self.validation_fraction == 0:
                raise ValueError(
                    f"early_stopping=True of {owner} needs rows to validate on: set "
                    "validation_fraction above 0, or pass X_val and y_val."
                )
            return data
        splits = choose_last_splits(
            self.n_estimators,
            self.validation_fraction,
            X,
            y,
            groups,
            rows=positive_rows(data.samples.weight),
            n_rows=n_rows,
            owner=owner,
        )
        held_back = hold_back_by_splits(splits, n_rows, self.n_estimators)
        return replace(data, split=(held_back.train, held_back.valid))

    def _strata_of(self, samples: Samples) -> np.ndarray | None:
        """Give class numbers, whose shares the rows held back are to have."""
        return None

    # --- fitting ----------------------------------------------------------------------

    def _fit(self, data: FitData):
        """Train on checked rows; those without weight are left out first."""
        warn_of_replicas()
        self._check_callbacks()
        n_rows, rows = len(data.samples), positive_rows(data.samples.weight)
        if rows is not None:
            data = take_rows(data, rows)
        self._learn_target(data.samples)
        self._fit_encoder(data.samples.X)
        samples = self._encoded(data.samples)
        random_state = random_state_of(self.random_state)
        placement = resolve_placement(
            self.device, self.precision, np.dtype(np.float32), owner=type(self).__name__
        )
        self.recipe_ = self._make_recipe(len(samples))
        held_back = hold_back_of(
            data,
            self.n_estimators,
            self.validation_fraction,
            strata=self._strata_of(data.samples),
            random_state=random_state,
        )
        net = make_net(
            self, samples.X.shape[1], self.recipe_.for_net(), placement, seed=0
        )
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        self._start(net, samples, random_state, torch.Generator().manual_seed(seed))
        valid, held_by = self._validation_rows(data, samples, held_back)
        run = self._plan_training(net, samples, held_back, seed)
        is_watched = self.early_stopping or data.valid is not None
        self._watch(run, valid if is_watched else None, held_by)
        forget_curves(self)
        with net.extra_callbacks(self._tell_callbacks(samples)):
            run_epochs(run, keep_optimizer=False)
        extend_curves(
            self, net.history, 0, run.convergence, has_valid=run.evaluate is not None
        )
        self.net_ = net
        self.device_ = net.device
        self._keeps_optimizer = False
        self._keep_best_end(valid, held_by)
        held = np.arange(n_rows) if rows is None else rows
        self._set_oob(data, samples, held_back, held, n_rows)
        return self

    def _learn_target(self, samples: Samples) -> None:
        """Learn what is to be learnt of y from the rows that count."""

    def _check_callbacks(self) -> None:
        for item in self.callbacks or []:
            callback = item[1] if isinstance(item, tuple | list) else item
            if isinstance(callback, StateKeeper):
                raise ValueError(
                    f"{type(self).__name__} cannot be resumed by the callback "
                    f"{type(callback).__name__}: leave it out."
                )

    def _tell_callbacks(self, samples: Samples) -> list[tuple[str, EpochTasks]]:
        """Make what tells scikit-learn's callbacks, if any are set, of each epoch."""
        if not has_callbacks(self):
            return []
        context = self._init_callback_context(max_subtasks=self.recipe_.max_iter)
        return [("epoch_tasks", EpochTasks(self, context, samples))]

    def _encoded(self, samples: Samples) -> Samples:
        return Samples(self._encode_table(samples.X), samples.y, samples.weight)

    def _start(self, net, samples: Samples, random_state, generator) -> None:
        """Draw the weights to start from, on the CPU whatever the device is."""
        n_rows = min(len(samples), _N_ROWS_OF_START)
        chosen = random_state.choice(len(samples), n_rows, replace=False)
        X = as_tensor(samples.X[chosen], net.placement.dtype)
        module = copy.deepcopy(net.module_).cpu()
        start_from_data(module, X, generator)
        net.module_.load_state_dict(module.state_dict())

    def _plan_training(
        self, net, samples: Samples, held_back: HeldBack, seed: int
    ) -> Run:
        placement = net.placement
        weight = held_back.train.astype(np.float64)
        if samples.weight is not None:
            # Only ratios count, and sums in float32 have an end.
            weight *= (samples.weight / samples.weight.max())[:, None]
        generator = torch.Generator(placement.device).manual_seed(seed)
        batches = Batches(
            DenseRows(as_tensor(samples.X, placement.dtype, placement.device)),
            *place_targets(self._encode(samples), weight, placement),
            batch_size=net.recipe.batch_size,
            permute=device_permutations(len(samples), generator),
        )
        return Run(
            net,
            batches,
            epochs=net.recipe.max_iter,
            convergence=Convergence(net.recipe.tol, net.recipe.n_iter_no_change),
            generator=generator,
        )

    # --- rows that were not trained on ------------------------------------------------

    def _validation_rows(
        self, data: FitData, samples: Samples, held_back: HeldBack
    ) -> tuple[Samples | None, np.ndarray]:
        """Give the rows to validate on, and which network may predict which of them.

        Returns
        -------
        valid : Samples or None

        held_by : bool ndarray of shape (n_valid, n_members)
        """
        if data.valid is not None:
            valid = self._encoded(data.valid)
            return valid, np.ones((len(valid), self.n_estimators), dtype=bool)
        rows = held_back.rows
        if not len(rows):
            return None, held_back.valid[:0]
        return samples.take(rows), held_back.valid[rows]

    def _watch(self, run: Run, valid: Samples | None, held_by: np.ndarray) -> None:
        """Let a training be validated after each epoch, if there are rows for that."""
        view = view_while_training(self, run.net)
        if valid is not None:
            run.evaluate = self._make_evaluate(view, valid, held_by)
        run.scorings = make_scorings(self, run.net, valid=valid, view=view)

    def _make_evaluate(
        self, view, valid: Samples, held_by: np.ndarray
    ) -> Callable[[], tuple[float, float]]:
        """Make the function that gives loss and score on the rows held back."""
        net = view.net_
        target, _ = place_targets(self._encode(valid), None, net.placement)
        weight = held_by.astype(np.float64)
        if valid.weight is not None:
            weight *= valid.weight[:, None]
        weight = as_tensor(weight, net.placement.dtype, net.placement.device)

        def evaluate() -> tuple[float, float]:
            outputs = view._outputs_of(valid.X)
            losses = [
                net.criterion_(output.to(target.device), target, weight[:, k]).item()
                for k, output in enumerate(outputs)
                if weight[:, k].any()
            ]
            loss = float(np.mean(losses)) * net.criterion_.reported_scale(outputs)
            view._activated = view._average(outputs, held_by)
            return loss, float(view._score_of(valid, loss))

        return evaluate

    def _score_of(self, valid: Samples, loss: float) -> float:
        """Score rows that are predicted already."""
        if not np.isfinite(loss):
            return np.nan
        if self.scoring == "loss":
            return -loss
        if self.scoring is None:
            return self._default_score(self._activated, valid)
        scorer = check_scoring(self, self.scoring)
        weight = {}
        if valid.weight is not None and takes_weights(scorer):
            weight["sample_weight"] = valid.weight
        return scorer(self, valid.X, valid.y, **weight)

    def _keep_best_end(self, valid: Samples | None, held_by: np.ndarray) -> None:
        """Go back to the end of an earlier wave if it suits the rows held back better.

        With early stopping the score has decided.
        """
        net = self.net_
        ends, net.ends_ = net.ends_, {}
        self.best_iter_ = net.best_epoch_ or max(ends)
        if valid is None:
            return
        if not self.early_stopping:
            losses = []
            for state in ends.values():
                net.module_.load_state_dict(state)
                losses.append(self._judge(valid, held_by))
            self.best_iter_ = list(ends)[choose_end(losses, valid.weight)]
            net.module_.load_state_dict(ends[self.best_iter_])
        self._judge(valid, held_by)

    def _judge(self, valid: Samples, held_by: np.ndarray) -> np.ndarray:
        """Give the loss of each row held back, by what is learnt from these rows."""
        raise NotImplementedError

    def _set_oob(
        self,
        data: FitData,
        samples: Samples,
        held_back: HeldBack,
        numbers: np.ndarray,
        n_rows: int,
    ) -> None:
        """Predict the rows held back by the networks that did not train on them."""
        for name in (*self._oob_names, "oob_score_"):
            vars(self).pop(name, None)
        rows = held_back.rows
        if not len(rows):
            return
        held = samples.take(rows)
        activated = self._average(self._outputs_of(held.X), held_back.valid[rows])
        for name, way_back in self._oob_names.items():
            values = getattr(self._target, way_back)(activated)
            # In their own precision probabilities still sum to one.
            filled = np.full((n_rows, *values.shape[1:]), np.nan, values.dtype)
            filled[numbers[rows]] = values
            setattr(self, name, filled)
        self.oob_score_ = float(self._default_score(activated, held))

    # --- predicting -------------------------------------------------------------------

    def _member_outputs(self, X: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield the networks' raw outputs, ``(n_members, n_block, n_outputs)``.

        They are computed in float64 where the device can: in float32 the seventh digit
        of a row's prediction would depend on the rows beside it.
        """
        self._end_training_mode()
        net = self.net_
        exact = torch.float32 if net.placement.device.type == "mps" else torch.float64
        module = copy.deepcopy(net.module_).to(exact)
        for block in net.map_blocks(lambda X: module(X.to(exact)).transpose(0, 1), X):
            yield block.transpose(0, 1)

    def _outputs_of(self, X: np.ndarray) -> torch.Tensor:
        """Give them at once, of shape ``(n_members, n_rows, n_outputs)``."""
        return torch.cat(list(self._member_outputs(X)), dim=1)

    def _average(
        self, outputs: torch.Tensor, held_by: np.ndarray | None = None
    ) -> np.ndarray:
        """Average what the networks predict, those that may predict a row.

        Parameters
        ----------
        outputs : Tensor of shape (n_members, n_rows, n_outputs)

        held_by : bool ndarray of shape (n_rows, n_members) or None
            None is all networks for all rows.
        """
        activated = self._activate(outputs)  # (n_members, n_rows, n_outputs)
        if held_by is None:
            return activated.mean(axis=0)
        shares = (held_by / held_by.sum(axis=1, keepdims=True)).T[..., None]
        return (activated * shares.astype(activated.dtype)).sum(axis=0)

    def _activated_blocks(self, X: Table | np.ndarray) -> Iterator[np.ndarray]:
        if self._activated is not None:
            yield self._activated
            return
        for outputs in self._member_outputs(self._encode_table(X)):
            yield self._check_output(self._average(outputs))
