"""The autoencoder whose code keeps neighbors together."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np

from sknn_deep._sklearn_private import Interval, StrOptions
from sknn_deep.data import FitData, check_connectivity
from sknn_deep.estimators._autoencoder_transformer import AutoencoderTransformer
from sknn_deep.estimators._words import names_our_words
from sknn_deep.fitting import CURVES, FitPlan, digest, make_neighbor_loss
from sknn_deep.modules import scaled_code
from sknn_deep.neighbors import NeighborGraph, PairOrders, find_neighbors
from sknn_deep.rows import Batches, as_tensor, place_targets

# What "auto" is: a share of the rows within bounds, and enough steps.
_BATCH_SHARE = 1 / 16
_BATCH_SIZES = (64, 512)
_MIN_EPOCHS = 20
_MIN_STEPS = 1200

# How many times as far as the weights' a step moves the code: in units of the kernel it
# is some tens wide. A power of two, which rounds nothing.
_CODE_SCALE = 8.0


class NeighborAutoencoder(AutoencoderTransformer):
    """DOC"""

    _curves = {**CURVES, "neighbor_loss_curve_": "train_neighbor_loss"}

    _parameter_constraints: dict = {
        **AutoencoderTransformer._parameter_constraints,
        "max_iter": [
            StrOptions({"auto"}),
            *AutoencoderTransformer._parameter_constraints["max_iter"],
        ],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "neighbors_weight": [Interval(Real, 0, None, closed="left")],
        "metric": [StrOptions({"euclidean", "cosine"})],
        "connectivity": [callable, None],
    }

    @names_our_words
    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(128, 64, 32),
        activation="gelu",
        *,
        decoder_hidden_layer_sizes=None,
        latent_activation="identity",
        out_activation="identity",
        loss="squared_error",
        n_neighbors=15,
        neighbors_weight=1.0,
        metric="euclidean",
        connectivity=None,
        noise=None,
        noise_level=0.1,
        sparsity_penalty=0.0,
        variational=False,
        kl_weight=1.0,
        solver="adam",
        alpha=0.0,
        batch_size="auto",
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        power_t=0.5,
        max_iter="auto",
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=0.0,
        normalization=None,
        scoring=None,
        max_time=None,
        clip_grad_norm=None,
        device="auto",
        precision="auto",
        compile=False,
        callbacks=None,
    ):
        super().__init__(
            n_components=n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            decoder_hidden_layer_sizes=decoder_hidden_layer_sizes,
            latent_activation=latent_activation,
            out_activation=out_activation,
            loss=loss,
            noise=noise,
            noise_level=noise_level,
            sparsity_penalty=sparsity_penalty,
            variational=variational,
            kl_weight=kl_weight,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            dropout=dropout,
            normalization=normalization,
            scoring=scoring,
            max_time=max_time,
            clip_grad_norm=clip_grad_norm,
            device=device,
            precision=precision,
            compile=compile,
            callbacks=callbacks,
        )
        self.n_neighbors = n_neighbors
        self.neighbors_weight = neighbors_weight
        self.metric = metric
        self.connectivity = connectivity

    # --- fitting ---------------------------------------------------------------------

    @names_our_words
    def fit(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        sample_weight_val=None,
        groups=None,
        connectivity=None,
    ):
        """FIT"""
        self._fit_samples(
            X,
            y,
            sample_weight,
            X_val,
            sample_weight_val,
            groups,
            connectivity=connectivity,
        )
        return self

    @names_our_words
    def fit_transform(
        self,
        X,
        y=None,
        sample_weight=None,
        *,
        X_val=None,
        sample_weight_val=None,
        groups=None,
        connectivity=None,
    ):
        """FITT"""
        fit_params = {
            "sample_weight": sample_weight,
            "X_val": X_val,
            "sample_weight_val": sample_weight_val,
            "groups": groups,
            "connectivity": connectivity,
        }
        given = {k: v for k, v in fit_params.items() if v is not None}
        return self.fit(X, y, **given).transform(X)

    def _check_fit(self, X, y=None, sample_weight=None, connectivity=None, **options):
        data = super()._check_fit(X, y, sample_weight, **options)
        if connectivity is None:
            return data
        owner = f"connectivity in {type(self).__name__}.fit"
        graph = check_connectivity(connectivity, len(data.samples), owner=owner)
        return replace(data, connectivity=graph)

    def _check_variant(self) -> None:
        """Refuse what has no meaning with pairs of neighbors."""
        owner = type(self).__name__
        if self.solver == "lbfgs":
            raise ValueError(
                f"{owner} draws other pairs of rows in each step, which solver='lbfgs' "
                "cannot follow: choose another solver."
            )
        if self.variational:
            raise ValueError(
                f"{owner} keeps what is not near far apart, which variational=True, "
                "with a code that is normally distributed, contradicts: set "
                "variational=False, or use AutoencoderTransformer."
            )
        if self.latent_activation != "identity":
            raise ValueError(
                f"The code of {owner} is measured in units of its own: "
                "latent_activation must be 'identity'. Got "
                f"{self.latent_activation!r}."
            )
        super()._check_variant()

    def _make_module(self, n_features):
        module, arguments = super()._make_module(n_features)
        return module, {**arguments, "returns_code": True}

    def _make_criterion(self):
        return make_neighbor_loss, {
            "loss": self.loss,
            "neighbors_weight": self.neighbors_weight,
            "sparsity_penalty": self.sparsity_penalty,
        }

    def _resolve_sizes(self, n_rows: int) -> tuple[int, int]:
        batch_size, n_epochs = self.batch_size, self.max_iter
        if batch_size == "auto":
            batch_size = int(np.clip(n_rows * _BATCH_SHARE, *_BATCH_SIZES))
        if n_epochs == "auto":
            n_batches = -(-n_rows // min(batch_size, n_rows))
            n_epochs = max(_MIN_EPOCHS, -(-_MIN_STEPS // n_batches))
        return batch_size, n_epochs

    def _plan_fit(self, data: FitData, *, incremental=False) -> FitPlan:
        is_new = self._first_pass(incremental=incremental)
        plan = super()._plan_fit(data, incremental=incremental)
        if is_new:
            plan.net.module_.multiply_code(_CODE_SCALE)
        return plan

    def _train(self, plan: FitPlan) -> None:
        with scaled_code(plan.net.module_, _CODE_SCALE):
            super()._train(plan)

    def _make_batches(self, net, data, rows, *, random_state, generator) -> Batches:
        samples, recipe, place = data.samples, net.recipe, net.placement
        graph = self._find_graph(data, rows)
        orders = PairOrders(
            graph,
            batch_size=min(recipe.batch_size, len(graph)),
            n_epochs=recipe.max_iter,
            shuffle=recipe.shuffle,
            random_state=random_state,
            device=place.device,
        )
        return Batches(
            samples.place(place),
            *place_targets(None, samples.weight, place),
            batch_size=2 * recipe.batch_size,
            permute=orders,
            subset=None if rows is None else as_tensor(rows, device=place.device),
            n_rows=2 * len(graph),
        )

    def _find_graph(self, data: FitData, rows: np.ndarray | None) -> NeighborGraph:
        """Give the neighbors among the rows to train on."""
        if data.connectivity is not None:
            graph = data.connectivity
            return NeighborGraph.of_matrix(
                graph if rows is None else graph[rows][:, rows]
            )
        owner = type(self).__name__
        X = data.samples.X if rows is None else data.samples.X[rows]
        if self.connectivity is not None:
            graph = self.connectivity(X)
            what = f"what connectivity of {owner} returns"
            graph = check_connectivity(graph, X.shape[0], owner=what)
            return NeighborGraph.of_matrix(graph)
        return find_neighbors(
            X, self.n_neighbors, self.metric, verbose=self.verbose, owner=owner
        )

    def _identity(self, plan: FitPlan) -> dict[str, str]:
        graph = plan.run.batches.permute.graph
        return {"the neighbors": digest(graph.indptr, graph.indices)}

    def _end_fit(self, plan: FitPlan):
        recipe = plan.net.recipe
        self.batch_size_, self.max_iter_ = recipe.batch_size, recipe.max_iter
        return super()._end_fit(plan)
