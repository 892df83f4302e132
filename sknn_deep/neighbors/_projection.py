"""Rows as a few numbers each, among which distances are quick to compute."""

import numpy as np
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.preprocessing import normalize

from sknn_deep.rows import MappedArray

# As many principal components as TSNE's documentation advises.
MAX_COMPONENTS = 50

# Rows that the components of a file are computed from.
_MAX_SAMPLE_ROWS = 50_000


def project_rows(X, metric: str) -> np.ndarray:
    """Give rows whose Euclidean distances stand for those of `metric` in X.

    Where there are more than `MAX_COMPONENTS` columns, they are principal components;
    of a sparse X those of ``TruncatedSVD``, which leaves it sparse.

    Parameters
    ----------
    X : ndarray, CSR matrix or MappedArray of shape (n_samples, n_features)

    metric : {"euclidean", "cosine"}

    Returns
    -------
    points : ndarray of shape (n_samples, n_components)
        Of X's type, with a mean of zero.
    """
    if isinstance(X, MappedArray):
        return _project_file(X, metric)
    if metric == "cosine":
        X = normalize(X)
    is_wide = min(X.shape) > MAX_COMPONENTS
    is_dense = isinstance(X, np.ndarray)
    # The seed is that of a projection, and takes nothing from the fit's generator.
    if is_wide and is_dense:
        return PCA(MAX_COMPONENTS, random_state=0).fit_transform(X)
    if is_wide:
        svd = TruncatedSVD(MAX_COMPONENTS, random_state=0)
        points = svd.fit_transform(X).astype(X.dtype, copy=False)
    else:
        points = X if is_dense else X.toarray()
    return points - points.mean(axis=0)


def _project_file(X: MappedArray, metric: str) -> np.ndarray:
    """Project a piece at a time, by the components of rows from all over the file."""
    step = -(-len(X) // _MAX_SAMPLE_ROWS)
    sample = X.read(np.arange(0, len(X), step))
    is_wide = min(sample.shape) > MAX_COMPONENTS
    n_components = MAX_COMPONENTS if is_wide else min(sample.shape)
    prepare = normalize if metric == "cosine" else np.asarray
    pca = PCA(n_components, random_state=0).fit(prepare(sample))
    points = np.empty((len(X), n_components), X.dtype)
    for rows, piece in X.all_pieces():
        points[rows] = pca.transform(prepare(piece))
    return points
