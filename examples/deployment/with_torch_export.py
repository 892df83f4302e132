"""Compile for machines without Python, by torch.export: python with_torch_export.py

python -m pip install sknn-deep
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_torch

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

module = to_torch(model, dtype=torch.float32)
rows = torch.tensor(X, dtype=torch.float32)
n_rows = torch.export.Dim("n_rows")
program = torch.export.export(module, (rows[:2],), dynamic_shapes=({0: n_rows},))
torch.export.save(program, "digits.pt2")
with torch.no_grad():
    proba = torch.export.load("digits.pt2").module()(rows).numpy()

difference = np.abs(proba - model.predict_proba(X)).max()
print(f"torch {torch.__version__}: largest difference {difference:.0e}")
assert difference < 1e-5
