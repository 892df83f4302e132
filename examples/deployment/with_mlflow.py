"""Keep a model by mlflow, in its default format: python with_mlflow.py

python -m pip install "sknn-deep[persistence]" mlflow
"""

import mlflow
import numpy as np
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier

X, y = load_digits(return_X_y=True)
clf = MLPClassifier((64,), learning_rate="one_cycle", max_iter=10, random_state=0)
model = make_pipeline(StandardScaler(), clf).fit(X, y)

mlflow.sklearn.save_model(
    model,
    "digits_mlflow",
    skops_trusted_types=["sknn_deep.estimators._classifier.MLPClassifier"],
)
again = mlflow.sklearn.load_model("digits_mlflow")

same = np.array_equal(again.predict_proba(X), model.predict_proba(X))
print(f"mlflow {mlflow.__version__}: the same probabilities: {same}")
assert same
