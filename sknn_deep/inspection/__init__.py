"""What the user looks at: pictures of a fit, by scikit-learn's Display convention."""

from sknn_deep.inspection._latent_space import LatentSpaceDisplay
from sknn_deep.inspection._latent_space_page import latent_space_to_html
from sknn_deep.inspection._loss_curve import LossCurveDisplay
from sknn_deep.inspection._reconstruction import ReconstructionDisplay

__all__ = [
    "LatentSpaceDisplay",
    "LossCurveDisplay",
    "ReconstructionDisplay",
    "latent_space_to_html",
]
