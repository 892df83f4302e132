"""
===================================================
Depth and activation, seen in two dimensions
===================================================

What a network can tell apart depends on its layers and its activation. Without a hidden
layer it draws a straight line; ReLU draws corners, tanh and the logistic function
bends.
"""

# %%
# Two spirals, which no straight line can part
# --------------------------------------------

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from sklearn.inspection import DecisionBoundaryDisplay

from sknn_deep import MLPClassifier

rng = np.random.default_rng(0)
turn = np.sqrt(rng.uniform(size=400)) * 2 * np.pi * 1.2
sign = np.repeat([1, -1], 200)
X = (sign * turn * np.array([np.cos(turn), np.sin(turn)])).T
X = (X + rng.normal(scale=0.25, size=X.shape)) / 4
y = sign > 0

# %%
# Three depths, three activations
# -------------------------------

layers = [(), (8,), (16, 16), (32, 32, 32)]
activations = ["relu", "tanh", "logistic"]
colors = ListedColormap(["#0072b2", "#d55e00"])

figure, axes = plt.subplots(
    *(len(activations), len(layers)),
    figsize=(11, 8.5),
    sharex=True,
    sharey=True,
    layout="constrained",
)
for row, activation in zip(axes, activations, strict=True):
    for ax, sizes in zip(row, layers, strict=True):
        clf = MLPClassifier(
            sizes,
            activation,
            learning_rate="one_cycle",
            learning_rate_init=0.03,
            batch_size=50,
            max_iter=150,
            random_state=0,
        ).fit(X, y)
        DecisionBoundaryDisplay.from_estimator(
            clf,
            X,
            response_method="predict_proba",
            plot_method="pcolormesh",
            cmap="PuOr_r",
            vmin=0,
            vmax=1,
            alpha=0.8,
            ax=ax,
        )
        ax.scatter(*X.T, c=y, cmap=colors, s=9, linewidths=0)
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(f"{sizes}: {clf.score(X, y):.0%}")
    row[0].set_ylabel(activation, fontsize="large")
figure.suptitle("hidden_layer_sizes, and the share of points on the right side")
plt.show()
