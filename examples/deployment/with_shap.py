"""Explain predictions by shap's DeepExplainer: python with_shap.py

python -m pip install sknn-deep shap
"""

import numpy as np
import shap
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_torch

X, y = load_breast_cancer(return_X_y=True)
clf = MLPClassifier((32,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

# Shares of the logarithm of the odds; probabilities near 1 leave little to share.
module = to_torch(model, dtype=torch.float64, output="raw")
rows = torch.tensor(X)
explainer = shap.DeepExplainer(module, rows[:100])
values = explainer.shap_values(rows[100:200])[:, :, 0]

with torch.no_grad():
    odds = module(rows).numpy()[:, 0]
explained = odds[:100].mean() + values.sum(axis=1)
difference = np.abs(explained - odds[100:200]).max()
print(f"shap {shap.__version__}: shares add up to {difference:.0e}")
assert difference < 1e-6
