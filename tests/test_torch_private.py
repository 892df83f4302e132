"""What older versions of torch lack, with the version that is here."""

import pytest
import torch

from sknn_deep._torch_private import current_device_index, let_graph_draw


@pytest.mark.parametrize(("version", "is_told"), [("2.6.0", True), ("2.14.1", False)])
def test_graph_is_told_of_a_generator_that_it_would_not_find(
    version, is_told, monkeypatch
):
    told = []

    class Graph:
        register_generator_state = staticmethod(told.append)

    monkeypatch.setattr(torch, "__version__", type(torch.__version__)(version))
    generator = torch.Generator()

    let_graph_draw(Graph(), generator)

    assert told == ([generator] if is_told else [])


def test_the_current_device_is_found_by_the_name_of_older_versions(monkeypatch):
    accelerator = torch.accelerator
    monkeypatch.delattr(accelerator, "current_device_index", raising=False)
    monkeypatch.setattr(accelerator, "current_device_idx", lambda: 1, raising=False)

    assert current_device_index() == 1
