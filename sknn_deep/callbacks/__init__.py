"""Callbacks for a fit, beside those that skorch has."""

from sknn_deep.callbacks._checkpoint import Checkpoint

__all__ = ["Checkpoint"]
