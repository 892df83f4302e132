"""
===================================================
Tables as they are: categories, gaps, probabilities
===================================================

The networks of ``TabularMLPClassifier`` and ``TabularMLPRegressor`` take the columns as
they come. What they predict is compared with gradient-boosted trees, which take them
too.
"""

# %%
# Who earns more than 50,000 dollars?
# -----------------------------------
# The American census of 1994: numbers, categories and gaps. The file is read where the
# environment variable SKNN_DEEP_ADULT names it; otherwise scikit-learn downloads it;
# without either, its breast cancer data stand in.

import os
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import (
    fetch_california_housing,
    fetch_openml,
    load_breast_cancer,
    load_diabetes,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss, root_mean_squared_error
from sklearn.model_selection import train_test_split

from sknn_deep import TabularMLPClassifier, TabularMLPRegressor


def load_adult():
    """Return the people, and whether they earn much."""
    path = os.environ.get("SKNN_DEEP_ADULT")
    if path:
        frame = pd.read_csv(path)
        return frame.drop(columns="income"), frame["income"] == ">50K"
    try:
        X, y = fetch_openml("adult", version=2, return_X_y=True, as_frame=True)
        return X, y == ">50K"
    except OSError as error:
        print(f"No census data ({error}): scikit-learn's breast cancer data stand in.")
        X, y = load_breast_cancer(return_X_y=True, as_frame=True)
        return X, y == 0


X, y = load_adult()
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.2, random_state=0, stratify=y
)
X.head()

# %%
# Neither of the two needs a Pipeline
# -----------------------------------
# The trees take for categories what has that type; the networks take strings too.

classifiers = {
    "TabularMLPClassifier": TabularMLPClassifier(random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=0
    ),
}


def with_categories(X):
    """Give strings the type that the trees take for categories."""
    texts = X.select_dtypes(exclude=np.number).columns
    return X.astype(dict.fromkeys(texts, "category"))


for title, clf in classifiers.items():
    start = time.perf_counter()
    clf.fit(with_categories(X_train), y_train)
    seconds = time.perf_counter() - start
    error = 1 - clf.score(with_categories(X_test), y_test)
    loss = log_loss(y_test, clf.predict_proba(with_categories(X_test)))
    print(f"{title:>20}: error {error:.3f}, log-loss {loss:.3f}, {seconds:.1f} s")

# %%
# Do the probabilities come true?
# -------------------------------
# Of the people to whom a model gives 30 percent, 30 percent should earn that much.

fig, ax = plt.subplots(figsize=(5.5, 5))
for title, clf in classifiers.items():
    CalibrationDisplay.from_estimator(
        clf, with_categories(X_test), y_test, n_bins=10, name=title, ax=ax
    )
ax.set(xlabel="probability that is given", ylabel="share that earns more")
ax.legend(loc="upper left", frameon=False)
plt.show()

# %%
# What do they look at?
# ---------------------
# How much the log-loss of test rows rises if a column is shuffled. Those of categories
# are shuffled like all others.

clf = classifiers["TabularMLPClassifier"]
drops = permutation_importance(
    clf,
    with_categories(X_test[:1000]),
    y_test[:1000],
    scoring="neg_log_loss",
    n_repeats=5,
    random_state=0,
)
order = np.argsort(drops.importances_mean)[-10:]
fig, ax = plt.subplots(figsize=(7, 4))
ax.barh(
    X.columns[order],
    drops.importances_mean[order],
    xerr=drops.importances_std[order],
)
ax.set_xlabel("how much the log-loss rises if the column is shuffled")
fig.tight_layout()
plt.show()

# %%
# What is a house worth, and from where to where?
# -----------------------------------------------
# The California census of 1990, with a category and gaps. The file is read where the
# environment variable SKNN_DEEP_HOUSING names it; otherwise scikit-learn downloads its
# version, which has neither; without either, its diabetes data stand in.


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

regressors = {
    "TabularMLPRegressor": TabularMLPRegressor(random_state=0),
    "gradient boosting": HistGradientBoostingRegressor(random_state=0),
}
for title, reg in regressors.items():
    start = time.perf_counter()
    reg.fit(with_categories(X_train), y_train)
    seconds = time.perf_counter() - start
    error = root_mean_squared_error(y_test, reg.predict(with_categories(X_test)))
    print(f"{title:>19}: RMSE {error:.3f} in {seconds:.1f} s")

# %%
# Three quantiles at once are an interval and a value in it. The rows that each network
# held back say by how much the interval has to be moved out to hold its share.

reg = TabularMLPRegressor(loss="quantile", quantile=[0.1, 0.5, 0.9], random_state=0)
reg.fit(with_categories(X_train), y_train)

is_held_back = ~np.isnan(reg.oob_prediction_[:, 0])
low, _, high = reg.oob_prediction_[is_held_back].T
beyond = np.maximum(low - y_train[is_held_back], y_train[is_held_back] - high)
margin = np.quantile(beyond, 0.8 * (1 + 1 / len(beyond)), method="higher")

low, median, high = reg.predict(with_categories(X_test)).T
is_inside = (low <= y_test) & (y_test <= high)
print(f"between the quantiles 0.1 and 0.9: {is_inside.mean():.3f}")
low, high = low - margin, high + margin
is_inside = (low <= y_test) & (y_test <= high)
print(f"within the ends that were moved by {margin:.3f}: {is_inside.mean():.3f}")

# %%

shown = np.argsort(median)[:: max(1, len(median) // 100)]
fig, ax = plt.subplots(figsize=(7, 4))
place = np.arange(len(shown))
ax.vlines(place, low[shown], high[shown], color="0.8", lw=4, label="interval of 80 %")
ax.plot(place, median[shown], color="0.4", label="median")
ax.plot(place, y_test.iloc[shown], "o", ms=3, label="true value")
ax.set(xlabel="districts, by the median that is predicted", ylabel="house value")
ax.legend(loc="upper left", frameon=False)
fig.tight_layout()
plt.show()
# sphinx_gallery_thumbnail_number = 1
