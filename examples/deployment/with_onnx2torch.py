"""Make a torch module of an ONNX file, by onnx2torch: python with_onnx2torch.py

python -m pip install "sknn-deep[onnx]" onnx2torch
"""

from importlib import metadata

import numpy as np
import torch
from onnx2torch import convert
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_onnx

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

to_onnx(model, "digits.onnx")
module = convert("digits.onnx")
with torch.no_grad():
    label, proba = module(torch.tensor(X, dtype=torch.float32))

difference = np.abs(proba.numpy() - model.predict_proba(X)).max()
print(
    f"onnx2torch {metadata.version('onnx2torch')}: largest difference {difference:.0e}"
)
assert difference < 1e-5
assert np.array_equal(label, model.predict(X))
