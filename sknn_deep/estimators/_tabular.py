"""What the two estimators for tables share."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from sknn_deep._sklearn_private import HasMethods, Interval, StrOptions, num_samples
from sknn_deep.columns import (
    Column,
    TableEncoder,
    count_rows,
    find_categorical,
    is_frame,
    read_columns,
)
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._callbacks import copy_for_fit
from sknn_deep.estimators._curves import extend_curves, forget_curves
from sknn_deep.estimators._data import (
    FitData,
    Samples,
    as_array_like,
    check_weights,
    concatenate,
    errors_instead_of_overflow,
    positive_rows,
    random_state_of,
    refuse_images,
)
from sknn_deep.estimators._held_back import HeldBack, hold_back
from sknn_deep.estimators._networks import make_net
from sknn_deep.estimators._parameters import (
    SCORING,
    TRAINING_CONSTRAINTS,
    check_activations,
    check_hidden_layer_sizes,
)
from sknn_deep.estimators._solvers import run_epochs
from sknn_deep.estimators._tabular_recipe import (
    TabularRecipe,
    resolve_batch_size,
    resolve_learning_rate_init,
    resolve_max_iter,
)
from sknn_deep.modules import TabularMLP, start_from_data, tabular_gradient
from sknn_deep.training import (
    Batches,
    Convergence,
    DenseRows,
    Run,
    TabularNet,
    as_tensor,
    device_permutations,
    place_targets,
    resolve_placement,
)

# Rows by which the starting weights are scaled.
_N_ROWS_OF_START = 2048

_COPIED = ("activation", "random_state", "verbose", "early_stopping", "max_time")


class BaseTabular(BaseNetEstimator):
    """Networks for a table: its columns are encoded, the rows held back predicted."""

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
        "alpha": [Interval(Real, 0, None, closed="left")],
        "numeric_embedding": [StrOptions({"periodic"}), None],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_cat_to_onehot": [Interval(Integral, 0, None, closed="left")],
        "validation_fraction": [
            Interval(Real, 0, 1, closed="left"),
            HasMethods(["split", "get_n_splits"]),
        ],
        "scoring": SCORING,
        "device": TRAINING_CONSTRAINTS["device"],
        "precision": [StrOptions({"auto", "float32", "float64"})],
        "callbacks": TRAINING_CONSTRAINTS["callbacks"],
    }

    # Networks for tables are not compiled, and have one way to learn.
    compile = False

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    # --- the table ---------------------------------------------------------------------

    def _read_table(self, X, *, reset: bool) -> list[Column]:
        """Validate X as a whole, and read its columns."""
        owner = type(self).__name__
        X = as_array_like(X)
        refuse_images(self, X)
        if issparse(X):
            raise TypeError(
                f"Sparse data was passed, but dense data is required: {owner} takes "
                "tables of dense columns. Use X.toarray(), or MLPClassifier and "
                "MLPRegressor, which take sparse matrices."
            )
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if not X.shape[0] or not X.shape[1]:
                raise ValueError(
                    f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} "
                    f"feature(s) (shape={X.shape}) while a minimum of 1 is required by "
                    f"{owner}."
                )
        else:
            X = self._check_array(X, reset=reset)
        return read_columns(X, owner=owner)

    def _check_array(self, X, *, reset: bool) -> np.ndarray:
        with errors_instead_of_overflow():
            array = validate_data(
                self, X, reset=reset, dtype=None, ensure_all_finite=False
            )
            if array.dtype.kind in "fc":
                check_array(array, ensure_all_finite="allow-nan", input_name="X")
        return array

    def _encode_table(self, X) -> np.ndarray:
        columns = self._read_table(X, reset=False)
        return self._encoder.encode(columns, owner=type(self).__name__)

    def _fit_encoder(self, columns: list[Column]) -> None:
        is_categorical = find_categorical(
            self.categorical_features, columns, getattr(self, "feature_names_in_", None)
        )
        self._encoder = TableEncoder.fit(
            columns,
            is_categorical,
            max_onehot=self.max_cat_to_onehot,
            owner=type(self).__name__,
        )
        self.is_categorical_ = is_categorical if is_categorical.any() else None

    @property
    def categories_(self) -> list[np.ndarray]:
        """Categories of each column that `is_categorical_` tells of, sorted.

        NaN is the last of them where some were missing.
        """
        check_is_fitted(self)
        return [categories.to_array() for categories in self._encoder.categories]

    # --- the plan of a fit -------------------------------------------------------------

    def _make_module(self, n_features):
        encoder, recipe = self._encoder, self.recipe_
        return TabularMLP, {
            "n_members": recipe.n_estimators,
            "n_numbers": encoder.n_numbers,
            "n_plain": encoder.n_plain,
            "n_categories": tuple(encoder.n_categories),
            "hidden_layer_sizes": recipe.hidden_layer_sizes,
            "n_outputs": self._n_network_outputs(),
            "activations": recipe.activation,
            "embeds_numbers": self.numeric_embedding is not None,
        }

    def _n_network_outputs(self) -> int:
        return self._target.n_outputs

    def _net_kind(self, placement):
        return TabularNet, {
            "gradient": tabular_gradient,
            "dropout": self.recipe_.dropout,
        }

    def _resolve_tabular_recipe(self, n_rows: int, *, for_classes: bool):
        hidden = check_hidden_layer_sizes(self.hidden_layer_sizes)
        owner = type(self).__name__
        batch_size = resolve_batch_size(self.batch_size, n_rows)
        return TabularRecipe(
            n_estimators=int(self.n_estimators),
            hidden_layer_sizes=hidden,
            activation=check_activations(self.activation, len(hidden), owner=owner),
            max_iter=resolve_max_iter(self.max_iter, n_rows, batch_size),
            batch_size=batch_size,
            learning_rate_init=resolve_learning_rate_init(
                self.learning_rate_init, for_classes=for_classes
            ),
            alpha=float(self.alpha),
            dropout=float(self.dropout),
            n_rows=n_rows,
            early_stopping=self.early_stopping,
            max_time=self.max_time,
        )

    def _hold_back(self, data: FitData, random_state) -> HeldBack:
        n_rows, n_members = len(data.samples), self.n_estimators
        if data.valid is not None:
            everything = np.ones((n_rows, n_members), dtype=bool)
            return HeldBack(everything, ~everything)
        return hold_back(
            n_rows,
            n_members,
            self.validation_fraction,
            strata=data.stratify,
            random_state=random_state,
        )

    # --- fitting -----------------------------------------------------------------------

    def _fit(self, data: FitData, *, for_classes: bool, rows: np.ndarray | None):
        """Train on encoded rows; `rows` are their numbers in what the user passed."""
        samples = data.samples
        random_state = random_state_of(self.random_state)
        placement = resolve_placement(
            self.device, self.precision, np.dtype(np.float32), owner=type(self).__name__
        )
        self.recipe_ = self._resolve_tabular_recipe(
            len(samples), for_classes=for_classes
        )
        held_back = self._hold_back(data, random_state)
        net = make_net(self, samples.X.shape[1], self.recipe_.for_net(), placement)
        seed = int(random_state.randint(np.iinfo(np.int32).max))
        self._start(net, samples, random_state, torch.Generator().manual_seed(seed))
        run = self._plan(net, samples, held_back, seed)
        forget_curves(self)
        run_epochs(run, keep_optimizer=False)
        extend_curves(
            self, net.history, 0, run.convergence, has_valid=run.evaluate is not None
        )
        self.net_ = net
        self.device_ = net.device
        return self

    def _start(self, net, samples: Samples, random_state, generator) -> None:
        n_rows = min(len(samples), _N_ROWS_OF_START)
        chosen = random_state.choice(len(samples), n_rows, replace=False)
        X = as_tensor(samples.X[chosen], net.placement.dtype)
        module = copy.deepcopy(net.module_).cpu()
        with torch.device("cpu"):
            start_from_data(module, X, generator)
        net.module_.load_state_dict(module.state_dict())

    def _plan(self, net, samples: Samples, held_back: HeldBack, seed: int) -> Run:
        placement = net.placement
        weight = held_back.train.astype(np.float32)
        if samples.weight is not None:
            weight *= samples.weight[:, None]
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

    # --- predicting --------------------------------------------------------------------

    def _member_outputs(self, X: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield the members' raw outputs, ``(n_members, n_block, n_outputs)``."""
        self._end_training_mode()
        net = self.net_
        for block in net.map_blocks(lambda X: net.module_(X).transpose(0, 1), X):
            yield block.transpose(0, 1)

    def _activated_blocks(self, X) -> Iterator[np.ndarray]:
        for output in self._member_outputs(X):
            yield self._check_output(self._activate(output))

    def _predict(self, X, way_back: str) -> np.ndarray:
        check_is_fitted(self)
        X = self._encode_table(X)
        finish = getattr(self._target, way_back)
        return concatenate(map(finish, self._activated_blocks(X)), n_rows=len(X))
