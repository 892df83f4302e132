"""A graph of neighbors that the user gives."""

from scipy import sparse
from sklearn.utils.validation import check_array


def check_connectivity(connectivity, n_rows: int, *, owner: str) -> sparse.csr_array:
    """Return the graph as a CSR matrix; refuse one that is not about these rows."""
    connectivity = check_array(
        connectivity,
        accept_sparse="csr",
        dtype=None,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name=owner,
    )
    shape = tuple(int(n) for n in connectivity.shape)
    if shape != (n_rows, n_rows):
        raise ValueError(
            f"{owner} must be a square matrix with a row and a column for each of the "
            f"{n_rows} rows of X. Got shape {shape}. Cross-validation cuts rows of a "
            "matrix but not its columns: pass a function as the constructor's "
            "connectivity, such as functools.partial(kneighbors_graph, "
            "n_neighbors=15), which is called with the rows of each fit."
        )
    return sparse.csr_array(connectivity)
