"""A loss that keeps the codes of neighbors near each other, and those of others apart.

A batch has rows i and for each one a partner j(i), whose codes are z_i and p_i. With
the Student kernel of t-SNE,

    q_ik = 1 / (1 + |z_i - p_k|^2),    S_i = sum_k q_ik,

the loss of a row is the cross entropy of telling its partner from those of the others,
log S_i - log q_ii, in which the pull towards the partner counts more than the push away
from the others, by the exaggeration a of t-SNE,

    loss_i = log S_i - a log q_ii,

and its derivative by the squared distances, with a share s_i of each row,

    G_ik = s_i (a q_ii [i = k] - q_ik^2 / S_i),

from which those by the codes are ``2 (sum_k G_ik z_i - G p)`` and the like for p.

References
----------
van der Maaten, L. "Learning a parametric embedding by preserving local structure."
AISTATS 2009. https://proceedings.mlr.press/v5/maaten09a.html

Sainburg, T., McInnes, L. and Gentner, T. Q. "Parametric UMAP embeddings for
representation and semisupervised learning." Neural Computation 33 (2021), 2881-2907.
https://doi.org/10.1162/neco_a_01434

Damrich, S., Boehm, J. N., Hamprecht, F. A. and Kobak, D. "From t-SNE to UMAP with
contrastive learning." ICLR 2023. https://doi.org/10.48550/arXiv.2206.01816

Boehm, J. N., Berens, P. and Kobak, D. "Attraction-repulsion spectrum in neighbor
embeddings." Journal of Machine Learning Research 23 (2022).
https://doi.org/10.48550/arXiv.2007.08902
"""

import torch
from torch import Tensor

from sknn_deep.modules._losses import (
    AutoencoderLoss,
    AutoencoderOutput,
    Loss,
    row_shares,
)


def neighbor_loss(code: Tensor, shares: Tensor, exaggeration: float) -> Tensor:
    """Compute the loss of pairs, by what autograd can differentiate.

    Parameters
    ----------
    code : Tensor of shape (2 * n_pairs, n_components)
        Rows, and then their partners.

    shares : Tensor of shape (n_pairs, 1)
        Of each row in the mean.

    exaggeration : float
        How much more the pull counts than the push.
    """
    rows, partners = code.chunk(2)
    q = (1 + torch.cdist(rows, partners, compute_mode=_EXACT).square()).reciprocal()
    per_row = q.sum(dim=1).log() - exaggeration * q.diagonal().log()
    return per_row @ shares[:, 0]


# By matrix products, codes that are equal would be apart by the rounding.
_EXACT = "donot_use_mm_for_euclid_dist"


def neighbor_gradient(
    code: Tensor, shares: Tensor, exaggeration: float
) -> tuple[Tensor, Tensor]:
    """Compute the loss of pairs and its derivative by the code, without autograd."""
    rows, partners = (code - code.mean(dim=0)).chunk(2)  # (n_pairs, n_components)
    n_pairs, ones = len(rows), code.new_ones(len(rows), 1)
    # 1 + |z|^2 + |p|^2 - 2 z.p as one product.
    left = torch.cat([rows, rows.square().sum(1, keepdim=True), ones], dim=1)
    right = torch.cat(
        [partners * -2, ones, partners.square().sum(1, keepdim=True) + 1], dim=1
    )
    q = torch.mm(left, right.mT).clamp_min_(1.0).reciprocal_()  # (n_pairs, n_pairs)
    q_own = ((rows - partners).square().sum(1, keepdim=True) + 1).reciprocal_()
    q.diagonal().copy_(q_own[:, 0])
    total = q.sum(dim=1, keepdim=True)  # (n_pairs, 1)
    value = ((total.log() - exaggeration * q_own.log()) * shares).sum()
    pull = q_own.mul_(shares).mul_(exaggeration)
    push = shares / total
    q.square_()
    # A column of ones gives the sums of G's rows and columns with the products.
    by_row = torch.mm(q, torch.cat([partners, ones], dim=1)).mul_(push)
    by_partner = torch.mm(q.mT, torch.cat([rows, ones], dim=1) * push)
    together = (rows - partners) * pull
    delta = code.new_empty(2 * n_pairs, code.shape[1])
    delta[:n_pairs] = together - by_row[:, -1:] * rows + by_row[:, :-1]
    delta[n_pairs:] = -together - by_partner[:, -1:] * partners + by_partner[:, :-1]
    return value, delta.mul_(2)


class NeighborLoss(AutoencoderLoss):
    """The loss of an autoencoder, and that of its pairs.

    Parameters
    ----------
    reconstruction : Loss

    neighbors_weight, exaggeration : float

    sparsity_penalty : float
        Weight of the mean absolute value of the code.
    """

    def __init__(
        self,
        reconstruction: Loss,
        neighbors_weight: float,
        exaggeration: float,
        sparsity_penalty: float = 0.0,
    ):
        super().__init__(reconstruction, sparsity_penalty)
        self.neighbors_weight = neighbors_weight
        self.exaggeration = exaggeration
        self.neighbor_value: Tensor | None = None

    def forward(self, output, target, weight=None):
        value = super().forward(output, target, weight)
        if not isinstance(output, AutoencoderOutput):
            return value
        shares = self._pair_shares(weight, output.code)
        own = neighbor_loss(output.code, shares, self.exaggeration)
        self.neighbor_value = own.detach()
        return value + self.neighbors_weight * own

    def code_gradient(
        self, code: Tensor, weight: Tensor | None, shares: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Give what the loss has of the code alone, and its derivative."""
        own, delta = neighbor_gradient(
            code, self._pair_shares(weight, code), self.exaggeration
        )
        self.neighbor_value = own
        value = own * self.neighbors_weight
        delta.mul_(self.neighbors_weight)
        if self.sparsity_penalty:
            share = shares * (self.sparsity_penalty / code.shape[1])
            value = value + (code.abs() * share).sum()
            delta.add_(code.sign().mul_(share))
        return value, delta

    def terms(self) -> dict[str, Tensor]:
        return {"neighbor_loss": self.neighbor_value}

    @staticmethod
    def _pair_shares(weight: Tensor | None, code: Tensor) -> Tensor:
        rows = code[: len(code) // 2]
        return row_shares(None if weight is None else weight[: len(rows)], rows)
