"""Scores of a code by the neighbors that rows have in it."""

import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

# Trustworthiness compares all distances, whose memory grows with the square of these.
_MAX_ROWS = 3000


def trustworthiness_scorer(
    estimator, X, y=None, *, n_neighbors=5, metric="euclidean"
) -> float:
    """Score how far rows that are near in the code are near in X too.

    It is scikit-learn's ``trustworthiness`` [1]_ of what ``transform`` gives, on 3000
    of the rows where there are more, always the same ones. It can be the `scoring` of a
    search, and of ``early_stopping``.

    Parameters
    ----------
    estimator : estimator instance
        Fitted, with ``transform``: an autoencoder of this package, a Pipeline, PCA.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, such as those of a fold. More than ``2 * n_neighbors`` of them.

    y : object, default=None
        Ignored; it is there for searches.

    n_neighbors : int, default=5
        Number of nearest rows in the code that are looked at.

    metric : str or callable, default="euclidean"
        Distance in X, one of ``sklearn.metrics.pairwise_distances``.

    Returns
    -------
    score : float
        From 0 to 1; higher is better.

    Raises
    ------
    ValueError
        If there are too few rows, or if they are not valid.

    See Also
    --------
    neighbors_accuracy_scorer : The same for classes.
    sknn_deep.NeighborAutoencoder : An autoencoder that keeps neighbors together.

    References
    ----------
    .. [1] Venna, J. and Kaski, S. "Neighborhood preservation in nonlinear projection
       methods: an experimental study." ICANN 2001.
       https://doi.org/10.1007/3-540-44668-0_68

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sknn_deep.metrics import trustworthiness_scorer
    >>> X, _ = load_iris(return_X_y=True)
    >>> round(trustworthiness_scorer(PCA(n_components=2).fit(X), X), 2)
    0.98
    """
    codes = _codes(estimator, X)
    return trustworthiness_of(X, codes, n_neighbors=n_neighbors, metric=metric)


def trustworthiness_of(
    X, codes: np.ndarray, *, n_neighbors: int = 5, metric="euclidean"
) -> float:
    """Score codes as :func:`trustworthiness_scorer` does."""
    X = check_array(X, accept_sparse="csr")
    if X.shape[0] > _MAX_ROWS:
        rows = np.random.RandomState(0).permutation(X.shape[0])[:_MAX_ROWS]
        X, codes = X[rows], codes[rows]
    _check_enough_rows(codes, 2 * n_neighbors, "trustworthiness", n_neighbors)
    return float(trustworthiness(X, codes, n_neighbors=n_neighbors, metric=metric))


def neighbors_accuracy_scorer(estimator, X, y, *, n_neighbors=5) -> float:
    """Score how often the rows that are nearest in the code tell a row's class.

    Each row is left out and gets the class that most of its nearest other rows have;
    of several the first. It can be the `scoring` of a search over a transformer, which
    is given y for this alone.

    Parameters
    ----------
    estimator : estimator instance
        Fitted, with ``transform``: an autoencoder of this package, a Pipeline, PCA.

    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows, such as those of a fold. More than `n_neighbors` of them.

    y : array-like of shape (n_samples,)
        Their classes.

    n_neighbors : int, default=5
        Number of nearest rows in the code that are asked.

    Returns
    -------
    score : float
        Share of the rows whose class is told, from 0 to 1.

    Raises
    ------
    ValueError
        If there is no y, or if there are too few rows, or if they are not valid.

    See Also
    --------
    trustworthiness_scorer : The same without classes.
    sknn_deep.NeighborAutoencoder : An autoencoder that keeps neighbors together.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sknn_deep.metrics import neighbors_accuracy_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> round(neighbors_accuracy_scorer(PCA(n_components=2).fit(X), X, y), 2)
    0.97
    """
    if y is None:
        raise ValueError(
            "neighbors_accuracy_scorer needs the classes of the rows. Got y=None: pass "
            "y to `fit` of the search. Early stopping of an autoencoder has no y; "
            "trustworthiness_scorer needs none."
        )
    return neighbors_accuracy(_codes(estimator, X), y, n_neighbors=n_neighbors)


def neighbors_accuracy(codes, y, *, n_neighbors: int = 5) -> float:
    """Score codes as :func:`neighbors_accuracy_scorer` does."""
    y = column_or_1d(y)
    check_consistent_length(codes, y)
    _check_enough_rows(codes, n_neighbors, "neighbors_accuracy", n_neighbors)
    classes, y = np.unique(y, return_inverse=True)
    nearest = NearestNeighbors(n_neighbors=n_neighbors).fit(codes)
    others = y[nearest.kneighbors(return_distance=False)]  # (n_samples, n_neighbors)
    votes = np.zeros((len(y), len(classes)), dtype=np.intp)
    np.add.at(votes, (np.arange(len(y))[:, None], others), 1)
    return float(np.mean(votes.argmax(axis=1) == y))


def _codes(estimator, X) -> np.ndarray:
    return check_array(estimator.transform(X))


def _check_enough_rows(codes, n: int, score: str, n_neighbors: int) -> None:
    if len(codes) <= n:
        raise ValueError(
            f"{score}_scorer with n_neighbors={n_neighbors} needs more than {n} rows. "
            f"Got {len(codes)}: score more rows, or take fewer neighbors, as in "
            f"functools.partial({score}_scorer, n_neighbors=1)."
        )
