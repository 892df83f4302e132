"""Explain predictions by captum: python with_captum.py

python -m pip install sknn-deep captum
"""

from importlib import metadata

import torch
from captum.attr import LRP, DeepLift, IntegratedGradients
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier, to_torch

X, y = load_breast_cancer(return_X_y=True)
clf = MLPClassifier((32,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

module = to_torch(model, dtype=torch.float64, output="raw")
rows = torch.tensor(X[:50])
mean = torch.tensor(X.mean(axis=0, keepdims=True))
with torch.no_grad():
    odds, odds_of_mean = module(rows)[:, 0], module(mean)[0, 0]
for method in (IntegratedGradients, DeepLift):
    shares = method(module).attribute(rows, mean, target=0)
    error = (shares.sum(1) - (odds - odds_of_mean)).abs().max().item()
    print(f"captum {metadata.version('captum')} {method.__name__}: {error:.0e}")
    assert error < 0.05 * odds.std()
shares = LRP(module).attribute(rows.requires_grad_(), target=0)
print("LRP:", tuple(shares.shape))
assert torch.isfinite(shares).all()
