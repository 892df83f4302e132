"""What several tests of the training start from."""

import pytest
import torch


@pytest.fixture
def three_threads():
    """Start from a number that no test sets."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)
