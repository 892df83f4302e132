"""Rows that pass a network without training, a block at a time."""

import warnings

import numpy as np
import pytest
import scipy.sparse

from sknn_deep import MLPRegressor


@pytest.mark.parametrize(("takes_sparse", "n_blocks"), [(True, 1), (False, 15)])
def test_features_of_sparse_rows_make_no_block_small(takes_sparse, n_blocks):
    rows = np.arange(300)
    X = scipy.sparse.csr_array((rows + 1.0, (rows, rows)), shape=(300, 200_000))
    reg = MLPRegressor(hidden_layer_sizes=2, max_iter=1, random_state=0, device="cpu")
    with warnings.catch_warnings(action="ignore"):
        reg.fit(X, rows)
    sizes = []

    blocks = reg.net_.map_blocks(
        reg.net_.module_,
        X,
        device="cpu",
        takes_sparse=takes_sparse,
        finish=lambda block: sizes.append(len(block)),
    )

    assert len(list(blocks)) == n_blocks
    assert sum(sizes) == 300
