"""Predict by OpenCV's dnn module, in C++ too: python with_opencv.py

python -m pip install "sknn-deep[onnx]" opencv-python-headless
"""

import cv2
import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_onnx

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

to_onnx(model, "digits.onnx")
network = cv2.dnn.readNetFromONNX("digits.onnx")
network.setInput(X.astype(np.float32), "X")
proba = network.forward("probabilities")

difference = np.abs(proba - model.predict_proba(X)).max()
print(f"opencv {cv2.__version__}: largest difference {difference:.0e}")
assert difference < 1e-5
