"""
===================================================
Overfitting, and what to do about it
===================================================

A large network learns a few hundred digits by heart, errors included: its training loss
vanishes, while its loss on digits it has not seen rises. `alpha`, `dropout`,
`early_stopping` and `normalization` each do something about it.
"""

# %%
# Few digits, some of them mislabeled, and a large network
# ---------------------------------------------------------

import matplotlib.pyplot as plt
import numpy as np
from mnist import load_small_digits

from sknn_deep import MLPClassifier
from sknn_deep.inspection import LossCurveDisplay

_, X_test, X_train, y_test, y_train = load_small_digits()
rng = np.random.default_rng(0)
wrong = rng.choice(len(y_train), size=len(y_train) // 10, replace=False)
y_train[wrong] = rng.integers(10, size=len(wrong))
print(f"{len(X_train)} digits to train on, {len(X_test)} to test on")

remedies = {
    "none": {},
    "alpha=0.1": {"alpha": 0.1},
    "dropout=0.5": {"dropout": 0.5},
    "batch norm": {"normalization": "batch"},
    "early stopping": {"early_stopping": True},
}
models = {}
for title, remedy in remedies.items():
    model = MLPClassifier(
        hidden_layer_sizes=(256, 256),
        batch_size=64,
        learning_rate="cosine",
        learning_rate_init=0.003,
        max_iter=60,
        random_state=0,
        **remedy,
    )
    model.fit(X_train, y_train, X_val=X_test, y_val=y_test)
    models[title] = model
    print(
        f"{title:>15}: training loss {model.loss_curve_[-1]:.4f}, "
        f"test loss {model.validation_loss_curve_[-1]:.3f} at the end and "
        f"{min(model.validation_loss_curve_):.3f} at its best, "
        f"test accuracy {model.score(X_test, y_test):.3f} after {model.n_iter_} epochs"
    )

# %%
# The gap between the two losses
# ------------------------------
# The test digits are watched here, and with `early_stopping` they decide: the network
# keeps the weights of its best epoch. For an honest estimate of what it does on new
# digits, a third set would be needed.

LossCurveDisplay.from_estimators(
    {title: models[title] for title in ("none", "alpha=0.1", "dropout=0.5")},
    log_scale=True,
)

# %%

LossCurveDisplay.from_estimators(
    {title: models[title] for title in ("none", "batch norm", "early stopping")},
    log_scale=True,
)
plt.show()
