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

module = to_torch(model, dtype=torch.float64)
rows = torch.tensor(X)
explainer = shap.DeepExplainer(module, rows[:100])
values = explainer.shap_values(rows[100:200])  # (n_rows, n_features, n_classes)

with torch.no_grad():
    proba = module(rows).numpy()
explained = proba[:100].mean(axis=0) + values.sum(axis=1)
difference = np.abs(explained - proba[100:200]).max()
print(f"shap {shap.__version__}: shares add up to {difference:.0e}")
assert difference < 1e-12
