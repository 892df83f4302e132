"""Predict by OpenVINO, on Intel's processors: python with_openvino.py

python -m pip install "sknn-deep[onnx]" openvino
"""

import numpy as np
import openvino
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_onnx

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

to_onnx(model, "digits.onnx")
# Without the hint it computes in bfloat16 where the processor has it.
compiled = openvino.Core().compile_model(
    "digits.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
)
proba = compiled(X.astype(np.float32))["probabilities"]

difference = np.abs(proba - model.predict_proba(X)).max()
print(f"openvino {openvino.__version__}: largest difference {difference:.0e}")
assert difference < 1e-5
