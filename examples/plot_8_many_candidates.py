"""
===================================================
Many candidates, trained as one
===================================================

A grid of learning rates, penalties and dropout is searched on five folds. Its networks
are trained together, in stacks, and end up as if each had been trained alone.
"""

# %%
# Two searches
# ------------
#
# The same estimator and the same grid, once by scikit-learn's GridSearchCV, once by
# BatchedGridSearchCV. Only the name is different.

import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sknn_deep import MLPClassifier
from sknn_deep.model_selection import BatchedGridSearchCV

X, y = load_digits(return_X_y=True)
X /= 16

network = MLPClassifier(learning_rate="one_cycle", max_iter=10, random_state=0)
grid = {
    "learning_rate_init": [0.001, 0.003, 0.01, 0.03],
    "alpha": [1e-4, 1e-2, 1.0],
    "dropout": [0.0, 0.1, 0.3],
}
searches = {
    "GridSearchCV": GridSearchCV(network, grid),
    "BatchedGridSearchCV": BatchedGridSearchCV(network, grid),
}
for name, search in searches.items():
    start = time.perf_counter()
    search.fit(X, y)
    print(f"{name}: {time.perf_counter() - start:.1f} s, {search.best_params_}")

# %%
# The results are the same
# ------------------------
#
# Each network draws its weights, the order of its rows and its dropout masks from its
# own ``random_state``, whoever shares its stack.

alone, together = (pd.DataFrame(s.cv_results_) for s in searches.values())
difference = np.abs(alone["mean_test_score"] - together["mean_test_score"])
print(f"largest difference of a mean score: {difference.max():.1e}")
print(f"candidates in stacks: {together['batched'].sum()} of {len(together)}")

# %%
# What the search found
# ---------------------

fig, axes = plt.subplots(
    1, 3, figsize=(9, 3), sharex=True, sharey=True, layout="constrained"
)
for ax, (dropout, rows) in zip(axes, together.groupby("param_dropout"), strict=True):
    for alpha, line in rows.groupby("param_alpha"):
        ax.semilogx(
            line["param_learning_rate_init"],
            line["mean_test_score"],
            marker="o",
            label=f"alpha={alpha:g}",
        )
    ax.set(title=f"dropout={dropout:g}", xlabel="Peak learning rate")
axes[0].set_ylabel("Mean accuracy on five folds")
axes[-1].legend(frameon=False)
plt.show()
