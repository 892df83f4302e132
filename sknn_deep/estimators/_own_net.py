"""What estimators of a network of the user's own share."""

import numpy as np

from sknn_deep._sklearn_private import StrOptions
from sknn_deep.data import check_arrays
from sknn_deep.estimators._base import BaseNetEstimator
from sknn_deep.estimators._ensemble import EnsembleMixin
from sknn_deep.estimators._supervised import SupervisedMixin
from sknn_deep.fitting import (
    arguments_for,
    look_at,
    make_own_module,
    refuse_chance,
    rows_to_look_at,
    start_own_net,
    summarize_own,
)
from sknn_deep.modules import TorchLoss
from sknn_deep.parameters import TRAINING_CONSTRAINTS, say_our_parameters

# Parameters that are arguments of the module, or of the loss.
_PREFIXES = ("module__", "criterion__")

# Of the parameters of a training, those that are about layers of ours.
_OF_LAYERS = ("activation", "dropout", "normalization")


# skorch's form of the parameters that are trained at other rates than the others.
_PARAM_GROUPS = "solver__param_groups"


def is_argument(name: str) -> bool:
    return name.startswith(_PREFIXES) or name == _PARAM_GROUPS


class BaseOwnNet(SupervisedMixin, EnsembleMixin, BaseNetEstimator):
    """A network that a module of the user's own is, or several of them.

    `module__name` and `criterion__name` are parameters beside those of the signature.
    """

    _parameter_constraints: dict = {
        **{k: v for k, v in TRAINING_CONSTRAINTS.items() if k not in _OF_LAYERS},
        **SupervisedMixin._parameter_constraints,
        **EnsembleMixin._parameter_constraints,
        "module": [callable],
        "criterion": [callable, None],
        "input_dtype": [StrOptions({"float", "keep"})],
    }

    def _set_arguments(self, arguments: dict) -> None:
        """Store what is passed beside the parameters of the signature."""
        unknown = [name for name in arguments if not is_argument(name)]
        if unknown:
            raise TypeError(
                f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                f"{unknown[0]!r}.{say_our_parameters(unknown, self)} Arguments of the "
                "module and of the loss begin with module__ and criterion__."
            )
        self._extra_params = arguments

    def _has_valid_parameters(self) -> bool:
        # A file may hold others.
        return all(map(is_argument, self._extra_params)) and (
            super()._has_valid_parameters()
        )

    def _arguments(self, prefix: str) -> dict:
        return {
            name.removeprefix(prefix): value
            for name, value in self._extra_params.items()
            if name.startswith(prefix)
        }

    def get_params(self, deep: bool = True) -> dict:
        """Get the parameters, those of module, loss and callbacks among them.

        Parameters
        ----------
        deep : bool, default=True
            Whether to give callbacks and their parameters too, as `callbacks__name` and
            `callbacks__name__parameter`. Arguments of the module and of the loss are
            always given.

        Returns
        -------
        params : dict of str -> object
            Values by the names of the parameters.
        """
        return {**super().get_params(deep=deep), **self._extra_params}

    def set_params(self, **params):
        """Set parameters, those of module, loss and callbacks among them.

        Parameters
        ----------
        **params : dict of str -> object
            Values by the names that ``get_params`` gives; an argument of the module
            or of the loss may be a new one.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If there is no such parameter or callback.
        """
        super().set_params(**{k: v for k, v in params.items() if not is_argument(k)})
        arguments = {k: v for k, v in params.items() if is_argument(k)}
        self._extra_params = {**self._extra_params, **arguments}
        return self

    # --- fitting ---------------------------------------------------------------------

    def _check_rows(self, X, y="no_validation", *, reset, **options):
        keeps_integers = self.input_dtype == "keep"
        return check_arrays(
            self, X, y, reset=reset, keeps_integers=keeps_integers, **options
        )

    def _float_type(self, X):
        return X.dtype if X.dtype.kind == "f" else np.dtype(np.float32)

    def _make_module(self, n_features):
        arguments = arguments_for(
            self.module,
            self._arguments("module__"),
            self._asked_for(n_features),
            owner=type(self).__name__,
        )
        return make_own_module, {"module": self.module, "arguments": arguments}

    def _asked_for(self, n_features: int) -> dict:
        """Give what a module is given if it asks for it by name."""
        return {
            "n_features_in": n_features,
            "input_shape": self.input_shape_,
            "n_outputs": self._target.n_outputs,
        }

    def _torch_loss(self, *, has_classes: bool) -> tuple[type, dict]:
        """Give the loss that `criterion` is, and its arguments."""
        arguments = self._arguments("criterion__")
        if "reduction" in arguments:
            raise ValueError(
                f"criterion__reduction of {type(self).__name__} is not to be given: "
                "the loss is a mean over the rows with their weights."
            )
        return TorchLoss, {
            "criterion": self.criterion,
            "arguments": arguments,
            "has_classes": has_classes,
        }

    def _refuse_criterion_arguments(self) -> None:
        """Refuse arguments of a loss that is not the user's."""
        given = [name for name in self._extra_params if name.startswith("criterion__")]
        if given:
            raise ValueError(
                f"{type(self).__name__} got {', '.join(given)}, but criterion=None is "
                "the loss that y calls for: pass the loss, as criterion=nn.HuberLoss."
            )

    def _own_rates(self):
        groups = self._extra_params.get(_PARAM_GROUPS) or []
        try:
            rates = [(str(p), float(options["lr"])) for p, options in groups]
            is_right = all(set(options) == {"lr"} for _, options in groups)
        except (TypeError, ValueError, KeyError):
            is_right = False
        if not is_right or any(not rate > 0 for _, rate in rates):
            raise ValueError(
                f"{_PARAM_GROUPS} of {type(self).__name__} must be a list of patterns "
                "of parameters' names and their learning rates, such as "
                f"[('backbone.*', {{'lr': 1e-4}})]. Got {groups!r}."
            )
        return rates

    def _start_net(self, n_features, recipe, placement, random_state, *, first_pass):
        return start_own_net(
            self, n_features, recipe, placement, random_state, first_pass=first_pass
        )

    def _look_at(self, net, samples):
        if net.forward_pass_ is not None:
            return
        X = rows_to_look_at(net, samples)
        output, last_operation = look_at(net, X)
        self._check_raw_output(net, output, last_operation)
        if self.solver == "lbfgs":
            refuse_chance(net)

    def _check_raw_output(self, net, output, last_operation: str) -> None:
        """Refuse what the loss cannot take."""

    def _check_lbfgs(self):
        """Leave that to the look at the network."""

    def summary(self):
        """Summarize the network: layers, output shapes, numbers of parameters.

        Layers are those that have no layers in them, in the order in which a row of
        zeros passes them.

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
        return summarize_own(self._single_net(), self.input_shape_)
