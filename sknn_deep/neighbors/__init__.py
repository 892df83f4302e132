"""Which rows are near each other: a graph of neighbors, and walks on it."""

from sknn_deep.neighbors._graph import NeighborGraph, find_neighbors
from sknn_deep.neighbors._pairs import PairOrders

__all__ = ["NeighborGraph", "PairOrders", "find_neighbors"]
