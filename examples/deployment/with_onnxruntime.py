"""Predict by onnxruntime: python with_onnxruntime.py

python -m pip install "sknn-deep[onnx]" onnxruntime
"""

import numpy as np
import onnxruntime
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_onnx

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

to_onnx(model, "digits.onnx")
session = onnxruntime.InferenceSession("digits.onnx")
label, proba = session.run(["label", "probabilities"], {"X": X.astype(np.float32)})

difference = np.abs(proba - model.predict_proba(X)).max()
same = np.mean(label == model.predict(X))
print(f"onnxruntime {onnxruntime.__version__}: largest difference {difference:.0e}")
assert difference < 1e-5 and same == 1
