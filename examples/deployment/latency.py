"""Time predictions of a single row, by each of the ways: python latency.py

python -m pip install "sknn-deep[onnx]" onnxruntime
"""

import time

import numpy as np
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_onnx, to_sklearn, to_torch

N_ROUNDS = 200

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

row = X[:1]
tensor, single = torch.tensor(row), row.astype(np.float32)
module = to_torch(model)
to_onnx(model, "digits.onnx")
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession("digits.onnx", options)
their_model = to_sklearn(model)


def by_torch():
    with torch.inference_mode():
        return module(tensor)


WAYS = {
    "scikit-learn's MLP in a Pipeline": lambda: their_model.predict_proba(row),
    "this package's in a Pipeline": lambda: model.predict_proba(row),
    "to_torch": by_torch,
    "to_onnx, onnxruntime": lambda: session.run(None, {"X": single}),
}
times = {name: [] for name in WAYS}
for _ in range(N_ROUNDS):
    for name, predict in WAYS.items():
        start = time.perf_counter()
        predict()
        times[name].append(time.perf_counter() - start)
for name, seconds in times.items():
    print(f"{name:35}{1e6 * np.median(seconds[10:]):8.0f} microseconds")
