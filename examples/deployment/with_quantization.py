"""Store weights in 8 bits by onnxruntime's two quantizers: python with_quantization.py

python -m pip install "sknn-deep[onnx]" onnxruntime
"""

from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    quantize_dynamic,
    quantize_static,
)
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sknn_deep import MLPClassifier, to_onnx


class Rows(CalibrationDataReader):
    """Rows that show the static quantizer how large the activations are."""

    def __init__(self, X):
        self.feeds = iter([{"X": X}])

    def get_next(self):
        return next(self.feeds, None)


X, y = load_digits(return_X_y=True)
clf = MLPClassifier((512, 256), learning_rate="one_cycle", max_iter=5, random_state=0)
model = make_pipeline(MinMaxScaler(), clf).fit(X, y)
X = X.astype(np.float32)

# Behind a StandardScaler pixels that hardly change get large weights, and the 8 bits of
# the first layer are lost on these: nodes_to_exclude=["Gemm_0_MatMul"], in
# quantize_static ["Gemm_0"], leaves it as it is.
to_onnx(model, "digits.onnx")
quantize_dynamic("digits.onnx", "dynamic.onnx")
quantize_static("digits.onnx", "static.onnx", Rows(X[:500]))

size = Path("digits.onnx").stat().st_size
for name in ("dynamic.onnx", "static.onnx"):
    session = onnxruntime.InferenceSession(name)
    (label,) = session.run(["label"], {"X": X})
    same = np.mean(label == model.predict(X))
    smaller = size / Path(name).stat().st_size
    print(f"{name}: {smaller:.1f} times smaller, {same:.2%} of the labels")
    assert same > 0.99 and smaller > 3
