"""Several networks in the place of one."""

from collections.abc import Iterator
from numbers import Integral

import numpy as np

from sknn_deep._sklearn_private import Interval
from sknn_deep.fitting import fit_members, forget_network, make_members, renew_members


class EnsembleMixin:
    """`n_estimators` networks of different seeds; outputs are the mean of theirs."""

    _parameter_constraints: dict = {
        "n_estimators": [Interval(Integral, 1, None, closed="left")]
    }

    def _has_trained(self) -> bool:
        return ("net_" if self.n_estimators == 1 else "estimators_") in vars(self)

    def _fit(self, data, *, incremental=False):
        if self.n_estimators == 1:
            vars(self).pop("estimators_", None)
            return super()._fit(data, incremental=incremental)
        first_pass = self._first_pass(incremental=incremental)
        members = make_members(self) if first_pass else renew_members(self)
        fit_members(self, members, data, incremental=incremental)
        forget_network(self)
        self.estimators_ = members
        self.n_iter_ = max(member.n_iter_ for member in members)
        self.loss_ = float(np.mean([member.loss_ for member in members]))
        self.device_ = members[0].device_
        return self

    def _activated_blocks(self, X):
        if hasattr(self, "net_"):
            return super()._activated_blocks(X)
        return (np.mean(outputs, axis=0) for outputs in self._outputs_of_members(X))

    def _outputs_of_members(self, X) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield what each network of an ensemble gives, one block after the other."""
        return zip(*(m._activated_blocks(X) for m in self.estimators_), strict=True)
