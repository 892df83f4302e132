"""
===================================================
House prices: regression in a Pipeline
===================================================

Numbers with gaps and a category go through imputation, scaling and one-hot coding into
a network that minimizes the squared error.
"""

# %%
# The data
# --------
# The California census of 1990: each row is a district. The file is read where the
# environment variable SKNN_DEEP_HOUSING names it; otherwise scikit-learn downloads its
# version, which has no category and no gaps; without either, its diabetes data stand
# in.

import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import fetch_california_housing, load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import PredictionErrorDisplay, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor as ScikitLearnMLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sknn_deep import MLPRegressor
from sknn_deep.inspection import LossCurveDisplay


def load_housing():
    """Return the districts, and their median house values in 100,000 dollars."""
    path = os.environ.get("SKNN_DEEP_HOUSING")
    if path:
        frame = pd.read_csv(path)
        return frame.drop(columns="median_house_value"), (
            frame["median_house_value"] / 100_000
        )
    try:
        return fetch_california_housing(return_X_y=True, as_frame=True)
    except OSError as error:
        print(f"No housing data ({error}): scikit-learn's diabetes data stand in.")
        return load_diabetes(return_X_y=True, as_frame=True)


X, y = load_housing()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
X.head()

# %%
# Columns of each kind go their own way
# -------------------------------------


def preprocess():
    return make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_include=np.number),
        ),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude=np.number),
        ),
    )


# %%
# Three models
# ------------
# scikit-learn's MLP with its defaults; ours with a schedule that spans the training and
# hidden layers that pay; gradient-boosted trees, which are hard to beat on such tables.

models = {
    "scikit-learn's MLP": ScikitLearnMLPRegressor(random_state=0, max_iter=500),
    "sknn_deep": MLPRegressor(
        hidden_layer_sizes=(128, 64),
        batch_size=64,
        learning_rate="one_cycle",
        learning_rate_init=0.01,
        max_iter=30,
        random_state=0,
    ),
    "gradient boosting": HistGradientBoostingRegressor(random_state=0),
}
for title, model in models.items():
    start = time.perf_counter()
    pipe = make_pipeline(preprocess(), model).fit(X_train, y_train)
    seconds = time.perf_counter() - start
    error = root_mean_squared_error(y_test, pipe.predict(X_test))
    print(f"{title:>20}: RMSE {error:.3f} in {seconds:.1f} s")
    models[title] = pipe

# %%
# The network's training, and its predictions
# -------------------------------------------

LossCurveDisplay.from_estimator(models["sknn_deep"])

# %%

display = PredictionErrorDisplay.from_estimator(
    models["sknn_deep"],
    X_test,
    y_test,
    kind="actual_vs_predicted",
    scatter_kwargs={"alpha": 0.2, "s": 8},
    random_state=0,
)
display.ax_.set(xlabel="predicted, in 100,000 dollars", ylabel="house value")
plt.show()
# sphinx_gallery_thumbnail_number = 2
