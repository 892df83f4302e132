"""Other packages compute what the estimator does, by its ONNX file or its module.

Each is asked for every kind of model. What is not installed is skipped; the versions
that were tried stand on the page "After the fit" of the user guide.
"""

import numpy as np
import pytest
import torch

from sknn_deep import to_onnx, to_torch
from tests.conversion.models import (
    MODELS,
    X,
    as_columns,
    assert_close_to_spread,
    fitted,
    from_short_fits,
    output_of,
)
from tests.requirements import needs

pytestmark = from_short_fits

ROWS = X.astype(np.float32)
# Labels are strings, which OpenCV and torch have not.
OF_STRINGS = ("classes", "components", "dropout", "ensemble", "layer norm")


def output_for(name):
    return "probabilities" if name in OF_STRINGS else "predictions"


def by_openvino(name, path):
    import openvino

    to_onnx(fitted(name), path)
    compiled = openvino.Core().compile_model(
        path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return compiled(ROWS)[compiled.outputs[-1]]


def by_opencv(name, path):
    import cv2

    to_onnx(fitted(name), path, output=output_for(name))
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(ROWS, "X")
    return network.forward(network.getUnconnectedOutLayersNames()[-1])


def by_onnx2torch(name, path):
    import onnx2torch

    to_onnx(fitted(name), path, output=output_for(name))
    with torch.no_grad():
        output = onnx2torch.convert(path)(torch.from_numpy(ROWS))
    return (output[-1] if isinstance(output, list | tuple) else output).numpy()


def by_torch_export(name, path):
    module = to_torch(fitted(name), dtype=torch.float32)
    n_rows = {0: torch.export.Dim("n_rows")}
    program = torch.export.export(
        module, (torch.from_numpy(ROWS[:2]),), dynamic_shapes=(n_rows,)
    )
    with torch.no_grad():
        return program.module()(torch.from_numpy(ROWS)).numpy()


def by_torch_jit(name, path):
    module = to_torch(fitted(name), dtype=torch.float32)
    with torch.no_grad():
        return torch.jit.trace(module, torch.from_numpy(ROWS[:2]))(
            torch.from_numpy(ROWS)
        ).numpy()


CONSUMERS = [
    pytest.param(by_openvino, marks=needs("openvino>=2026.4", "it reads ONNX files")),
    pytest.param(
        by_opencv, marks=needs("opencv-python-headless>=5.0", "it reads ONNX files")
    ),
    pytest.param(
        by_onnx2torch, marks=needs("onnx2torch>=1.5.15", "it reads ONNX files")
    ),
    pytest.param(
        by_torch_export, marks=needs("torch>=2.7", "2.6 exports only so many in a row")
    ),
    by_torch_jit,
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("consumer", CONSUMERS)
def test_runtimes_give_what_the_model_gives(consumer, tmp_path):
    for name in MODELS:
        output = consumer(name, tmp_path / "model.onnx")

        expected = as_columns(output_of(fitted(name), ROWS.astype(np.float64)))
        assert_close_to_spread(output, expected, 1e-5)
