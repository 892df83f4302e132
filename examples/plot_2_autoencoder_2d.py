"""
===================================================
Digits as points in the plane
===================================================

An autoencoder squeezes images through two numbers and draws them again from those.
Where the two numbers put an image says what it looks like: nobody told it about the
digits.
"""

# %%
# The network
# -----------
# 784-128-32-8-2 on the way in, 2-8-32-128-784 on the way out. The pixels are between 0
# and 1, so the last layer is logistic; the code is linear, so that no unit of it dies.

import matplotlib.pyplot as plt
from mnist import load_mnist
from sklearn.decomposition import PCA

from sknn_deep import AutoencoderTransformer
from sknn_deep.inspection import (
    LatentSpaceDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)

name, _, X, _, y = load_mnist()
autoencoder = AutoencoderTransformer(
    n_components=2,
    hidden_layer_sizes=(128, 32, 8),
    out_activation="logistic",
    batch_size=256,
    random_state=0,
)
codes = autoencoder.fit_transform(X)
print(autoencoder.summary())

# %%
# How well it does
# ----------------
# The mean squared error, and the share of the pixels' variance that two numbers
# explain. Two principal components are the best that a linear map can do.

error = -autoencoder.score_samples(X).mean()
print(f"mean squared error {error:.4f}, variance explained {autoencoder.score(X):.1%}")

pca = PCA(n_components=2).fit(X)
pca_error = ((X - pca.inverse_transform(pca.transform(X))) ** 2).mean()
print(f"PCA: mean squared error {pca_error:.4f}")

# %%

LossCurveDisplay.from_estimator(autoencoder)

# %%
# The codes, colored by the digit that the autoencoder was never told
# -------------------------------------------------------------------

LatentSpaceDisplay.from_codes(codes, y)
# sphinx_gallery_thumbnail_number = 2

# %%
# Originals, and what two numbers tell of them
# --------------------------------------------

ReconstructionDisplay.from_estimator(autoencoder, X[:10])

# %%
# The encoder's weights
# ---------------------
# The first layer looks at the pixels; `coefs_` holds the weights of all layers in their
# order, and `encoder_` and `decoder_` are the torch modules.

side = int(X.shape[1] ** 0.5)
figure, axes = plt.subplots(2, 8, figsize=(11, 3), layout="constrained")
for unit, ax in enumerate(axes.flat):
    weights = autoencoder.coefs_[0][:, unit].reshape(side, side)
    limit = abs(weights).max()
    ax.imshow(weights, cmap="PuOr", vmin=-limit, vmax=limit)
    ax.set_axis_off()
figure.suptitle(
    "What 16 units of the first layer look for (purple: for, orange: against)"
)
plt.show()
