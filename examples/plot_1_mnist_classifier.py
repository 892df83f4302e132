"""
===================================================
A deep network that reads digits
===================================================

A multi-layer perceptron with two hidden layers learns to read the handwritten digits of
MNIST. Beside it stands logistic regression, which is the same network without a hidden
layer.
"""

# %%
# The data
# --------
# Each image is a row of 784 numbers between 0 and 1.

import matplotlib.pyplot as plt
from mnist import load_mnist
from sklearn.metrics import ConfusionMatrixDisplay

from sknn_deep import MLPClassifier
from sknn_deep.inspection import LossCurveDisplay

name, X_train, X_test, y_train, y_test = load_mnist()
print(f"{name}: {X_train.shape} to train on, {X_test.shape} to test on")

# %%
# The network
# -----------
# 784 inputs, hidden layers of 128 and 64 units with ReLU, and one output for each digit
# with softmax. Adam minimizes the cross entropy, 2048 images at a time.

settings = {
    "batch_size": min(2048, len(X_train)),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.01,
    "max_iter": 25,
    "random_state": 0,
}
mlp = MLPClassifier(hidden_layer_sizes=(128, 64), **settings)
mlp.fit(X_train, y_train, X_val=X_test, y_val=y_test)

# %%
# A dense layer from m to n units has (m + 1) * n parameters: n weights for each input,
# and n biases.

print(mlp.summary())

# %%
# Logistic regression
# -------------------
# Without a hidden layer, the network is multinomial logistic regression.

logistic = MLPClassifier(hidden_layer_sizes=(), **settings)
logistic.fit(X_train, y_train, X_val=X_test, y_val=y_test)
for title, model in (("two hidden layers", mlp), ("none", logistic)):
    print(f"{title}: test accuracy {model.score(X_test, y_test):.4f}")

# %%
# The test images are only watched: `X_val` without `early_stopping` changes nothing
# but what is recorded. Where the training loss goes on falling while the validation
# loss rises, the network learns its examples by heart.

display = LossCurveDisplay.from_estimators(
    {"784-128-64-10": mlp, "784-10 (logistic)": logistic}
)
display.figure_.suptitle("Cross entropy and accuracy, epoch by epoch")

# %%
# Which digits are taken for which
# --------------------------------

ConfusionMatrixDisplay.from_estimator(mlp, X_test, y_test, cmap="Blues", colorbar=False)
plt.show()
# sphinx_gallery_thumbnail_number = 2
