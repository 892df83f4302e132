"""
===================================================
A grid search over a Pipeline
===================================================

Layers, penalty and learning rate are searched together with scikit-learn's
GridSearchCV, and its results are drawn.
"""

# %%
# The search
# ----------

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_deep import MLPClassifier

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

pipe = make_pipeline(
    StandardScaler(),
    MLPClassifier(learning_rate="one_cycle", max_iter=20, random_state=0),
)
grid = {
    "mlpclassifier__hidden_layer_sizes": [(), (16,), (64,), (64, 32)],
    "mlpclassifier__alpha": [1e-4, 1e-2, 1.0],
    "mlpclassifier__learning_rate_init": [0.003, 0.01, 0.03],
}
search = GridSearchCV(pipe, grid, scoring="neg_log_loss", cv=5)
search.fit(X_train, y_train)

print(search.best_params_)
print(f"test accuracy {search.best_estimator_.score(X_test, y_test):.3f}")

# %%
# The results
# -----------
# One panel for each learning rate: the mean log-loss of five folds, the lower the
# better.

results = pd.DataFrame(search.cv_results_)
results["log_loss"] = -results["mean_test_score"]
rates = grid["mlpclassifier__learning_rate_init"]
alphas = grid["mlpclassifier__alpha"]
layers = [str(sizes) for sizes in grid["mlpclassifier__hidden_layer_sizes"]]

figure, axes = plt.subplots(
    1, len(rates), figsize=(11, 3.6), sharey=True, layout="constrained"
)
limits = {"vmin": results["log_loss"].min(), "vmax": results["log_loss"].max()}
for ax, rate in zip(axes, rates, strict=True):
    part = results[results["param_mlpclassifier__learning_rate_init"] == rate]
    table = (
        part.assign(layers=part["param_mlpclassifier__hidden_layer_sizes"].map(str))
        .pivot(index="layers", columns="param_mlpclassifier__alpha", values="log_loss")
        .loc[layers, alphas]
    )
    image = ax.imshow(table, cmap="cividis_r", aspect="auto", **limits)
    for row in range(len(layers)):
        for column in range(len(alphas)):
            value = table.iat[row, column]
            dark = value > (limits["vmin"] + limits["vmax"]) / 2
            ax.text(
                *(column, row, f"{value:.3f}"),
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
    ax.set(title=f"learning_rate_init={rate}", xlabel="alpha")
    ax.set_xticks(range(len(alphas)), [f"{alpha:g}" for alpha in alphas])
    ax.set_yticks(range(len(layers)), layers)
axes[0].set_ylabel("hidden_layer_sizes")
figure.colorbar(image, ax=axes, label="log-loss")
plt.show()
