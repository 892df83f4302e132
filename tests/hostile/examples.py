"""How many examples are drawn, and whether they are the same in each run.

By default a few hundred in all, always the same. With the environment variable
``SKNN_DEEP_HYPOTHESIS_EXAMPLES`` set to a number, each test draws as many, new in each
run; ``--hypothesis-seed`` repeats one.
"""

import os

from hypothesis import HealthCheck, settings

_GIVEN = os.environ.get("SKNN_DEEP_HYPOTHESIS_EXAMPLES")


def draws(n_examples: int) -> settings:
    """Give hypothesis' settings for a test that draws `n_examples` by default."""
    return settings(
        max_examples=int(_GIVEN) if _GIVEN else n_examples,
        derandomize=not _GIVEN,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
