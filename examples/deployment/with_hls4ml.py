"""Make a circuit for an FPGA, by hls4ml: python with_hls4ml.py

It compiles a simulation, so a C++ compiler must be there.

python -m pip install sknn-deep hls4ml
"""

import hls4ml
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_torch

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((16,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

module = to_torch(model, dtype=torch.float32, output="raw")
config = hls4ml.utils.config_from_pytorch_model(
    module, input_shape=(None, X.shape[1]), default_precision="ap_fixed<32,16>"
)
circuit = hls4ml.converters.convert_from_pytorch_model(
    module, hls_config=config, output_dir="digits_hls", backend="Vitis"
)
circuit.compile()
raw = circuit.predict(np.ascontiguousarray(X, np.float32))

same = np.mean(model.classes_[raw.argmax(axis=1)] == model.predict(X))
print(f"hls4ml {hls4ml.__version__}: {same:.2%} of the labels")
assert same > 0.99
