"""
=========================================
A convolutional network that reads digits
=========================================

The convolutional network of most courses beside their multi-layer perceptron, on MNIST,
with the same seeds, batches and schedule.
"""

# %%
# The data
# --------
# The perceptron takes rows of pixels, the convolutions take images.

import matplotlib.pyplot as plt
import numpy as np
from mnist import load_mnist

from sknn_deep import MLPClassifier, NetClassifier
from sknn_deep.modules import ConvNet

name, X_train, X_test, y_train, y_test = load_mnist()
side = int(np.sqrt(X_train.shape[1]))
images_train, images_test = (X.reshape(-1, side, side) for X in (X_train, X_test))
print(f"{name}: {images_train.shape} to train on, {images_test.shape} to test on")

# %%
# The networks
# ------------
# `ConvNet` is any other torch module: it asks for the shape of an image and for the
# number of outputs by name, and is given them. Its channels are a parameter.

settings = {
    "batch_size": 256,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.005,
    "max_iter": 4 if len(X_train) > 10_000 else 40,
    "random_state": 0,
}
conv = NetClassifier(ConvNet, module__channels=(8, 16), **settings)
conv.fit(images_train, y_train, X_val=images_test, y_val=y_test)
print(conv.summary())

mlp = MLPClassifier((128, 64), **{**settings, "max_iter": 5 * settings["max_iter"]})
mlp.fit(X_train, y_train, X_val=X_test, y_val=y_test)

# %%
# Accuracy over time
# ------------------
# The history has the seconds of each epoch. The perceptron goes through several while
# the convolutions go through one.

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
widths = f"{X_train.shape[1]}-128-64-10"
for title, model in (("convolutions", conv), (widths, mlp)):
    seconds = np.cumsum(model.net_.history[:, "dur"])
    ax.plot(seconds, model.validation_scores_, marker="o", label=title)
    print(f"{title}: {model.validation_scores_[-1]:.4f} after {seconds[-1]:.0f} s")
ax.set(xlabel="seconds", ylabel="test accuracy", ylim=(0.9, 1.0))
ax.legend()
plt.show()
