"""What a test, or a block of a page, needs beyond the oldest versions that are allowed.

A requirement is written as in pyproject.toml: "optuna", "scikit-learn>=1.7".
"""

from importlib import metadata

import pytest
from packaging.requirements import Requirement


def is_met(requirement: str) -> bool:
    """Tell whether a package is installed, in a version that will do."""
    needed = Requirement(requirement)
    try:
        version = metadata.version(needed.name)
    except metadata.PackageNotFoundError:
        return False
    return needed.specifier.contains(version, prereleases=True)


def needs(requirement: str, reason: str) -> pytest.MarkDecorator:
    """Skip a test where a requirement is not met; `reason` says what it is for."""
    return pytest.mark.skipif(
        not is_met(requirement), reason=f"needs {requirement}: {reason}"
    )


since_pyarrow_is_there = needs("numpy>=2.0", "pyarrow 26 takes no older one")
since_scikit_learn_sees_polars = needs(
    "scikit-learn>=1.9", "older ones do not see the columns of polars 2"
)
since_torch_writes_opset_17 = needs(
    "torch>=2.13", "older ones may write a network of one's own by opset 18 alone"
)
since_pipelines_route_scores = needs(
    "scikit-learn>=1.8", "older Pipelines do not pass on the weights of their score"
)
