"""A graph of neighbors that the user gives."""

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array


def check_connectivity(connectivity, n_rows: int, *, owner: str) -> sparse.csr_array:
    """Return the graph as a CSR matrix; refuse one that is not about these rows."""
    shape = tuple(map(int, getattr(connectivity, "shape", np.shape(connectivity))))
    if shape != (n_rows, n_rows):
        got = f"shape {shape}" if shape else repr(connectivity)
        raise ValueError(
            f"{owner} must be a square matrix with a row and a column for each of the "
            f"{n_rows} rows of X. Got {got}. Cross-validation cuts rows of a matrix "
            "but not its columns: pass a function as the constructor's connectivity, "
            "such as functools.partial(kneighbors_graph, n_neighbors=15), which is "
            "called with the rows of each fit."
        )
    connectivity = check_array(
        connectivity, accept_sparse="csr", dtype=None, input_name=owner
    )
    return sparse.csr_array(connectivity)
