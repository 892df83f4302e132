"""What an autoencoder of two modules of the user's own has of them."""

import functools

from sknn_deep.fitting import (
    arguments_for,
    check_shape,
    look_at,
    make_own_autoencoder,
    refuse_chance,
    rows_to_look_at,
    start_own_net,
    summarize_own,
)
from sknn_deep.modules import ModelSummary, OwnAutoencoder, dry_run


class OwnHalvesMixin:
    """`encoder` and `decoder` in the place of dense layers; None leaves these."""

    _parameter_constraints: dict = {
        "encoder": [callable, None],
        "decoder": [callable, None],
    }

    def _make_own_module(self, n_features):
        owner = type(self).__name__
        n_encoded = self.n_components * (2 if self.variational else 1)
        known = {"n_features_in": n_features, "input_shape": (n_features,)}
        return make_own_autoencoder, {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "encoder_arguments": arguments_for(
                self.encoder,
                {},
                {**known, "n_components": n_encoded, "n_outputs": n_encoded},
                owner=owner,
                name="encoder",
            ),
            "decoder_arguments": arguments_for(
                self.decoder,
                {},
                {**known, "n_components": self.n_components, "n_outputs": n_features},
                owner=owner,
                name="decoder",
            ),
            "n_components": self.n_components,
            **self._variant(),
        }

    def _start_net(self, n_features, recipe, placement, random_state, *, first_pass):
        start = super()._start_net
        if self.encoder is not None:
            start = functools.partial(start_own_net, self)
        return start(n_features, recipe, placement, random_state, first_pass=first_pass)

    def _look_at(self, net, samples):
        if self.encoder is None or net.forward_pass_ is not None:
            return
        X = rows_to_look_at(net, samples)
        n_encoded = self.n_components * (2 if self.variational else 1)
        code = dry_run(net.module_.encoder, X.clone()).output
        check_shape(code, [(len(X), n_encoded)], net=net, name="encoder")
        output, _ = look_at(net, X)
        check_shape(output, [tuple(X.shape)], net=net, name="decoder")
        if self.solver == "lbfgs":
            refuse_chance(net)

    def summary(self) -> ModelSummary:
        """Summarize the network: layers, output shapes, numbers of parameters.

        Returns
        -------
        summary : ModelSummary
            Prints as a table, and shows as one in a notebook. Layers of modules of
            one's own are those that have no layers in them, in the order in which a row
            of zeros passes them.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        net = self._single_net()
        if isinstance(net.module_, OwnAutoencoder):
            return summarize_own(net, (self.n_features_in_,))
        return super().summary()
