"""
===================================================
An autoencoder before TSNE, and in its place
===================================================

TSNE draws neighbors near each other, but it is slow where there are many numbers a row,
and it cannot go back. An autoencoder makes 32 numbers of MNIST's 784 first, and can.
One that keeps neighbors draws the map itself, and takes new images.
"""

# %%
# A Pipeline of both
# ------------------

import time

import matplotlib.pyplot as plt
from mnist import load_mnist
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sknn_deep import AutoencoderTransformer, NeighborAutoencoder
from sknn_deep.inspection import LatentSpaceDisplay, ReconstructionDisplay

name, _, X, _, y = load_mnist()
n_rows = min(3000, 4 * len(X) // 5)
X_new, y_new = X[n_rows : 2 * n_rows], y[n_rows : 2 * n_rows]
X, y = X[:n_rows], y[:n_rows]
autoencoder = AutoencoderTransformer(
    n_components=32,
    hidden_layer_sizes=(128, 64),
    out_activation="logistic",
    batch_size=256,
    max_iter=60,
    random_state=0,
)
pipe = make_pipeline(autoencoder, TSNE(random_state=0))
start = time.perf_counter()
embedding = pipe.fit_transform(X)
tsne_seconds = time.perf_counter() - start
print(autoencoder.summary())

# %%
# The map
# -------

display = LatentSpaceDisplay.from_codes(embedding, y)
display.ax_.set(xlabel="TSNE 1", ylabel="TSNE 2")

# %%
# What 32 numbers keep
# --------------------
# The ten nearest neighbors of a code tell the digit almost as well as those of the
# whole image.

neighbors = KNeighborsClassifier(10)
for title, features in (
    (f"{X.shape[1]} pixels", X),
    ("32 codes", autoencoder.transform(X)),
    ("2 of TSNE", embedding),
):
    accuracy = cross_val_score(neighbors, features, y, cv=5).mean()
    print(f"{title:>10}: 10-neighbor accuracy {accuracy:.3f}")

# %%

ReconstructionDisplay.from_estimator(autoencoder, X[:10])

# %%
# A map with a way there and back
# -------------------------------
# The same pictures by an autoencoder of two numbers, by TSNE of 32, and by an
# autoencoder of two numbers that is also trained to keep neighbors together.

two = {
    "n_components": 2,
    "hidden_layer_sizes": (128, 64, 32),
    "out_activation": "logistic",
    "random_state": 0,
}
maps = {"TSNE of 32 numbers": (embedding, tsne_seconds)}
for title, method in {
    "autoencoder": AutoencoderTransformer(**two, batch_size=256, max_iter=60),
    "NeighborAutoencoder": NeighborAutoencoder(**two),
}.items():
    start = time.perf_counter()
    maps[title] = method.fit_transform(X), time.perf_counter() - start

order = ("autoencoder", "TSNE of 32 numbers", "NeighborAutoencoder")
figure, axes = plt.subplots(1, 3, figsize=(15, 5), layout="constrained")
for ax, title in zip(axes, order, strict=True):
    codes, seconds = maps[title]
    display = LatentSpaceDisplay.from_codes(codes, y, ax=ax)
    if ax is not axes[-1]:
        display.legend_.remove()
    accuracy = cross_val_score(neighbors, codes, y, cv=5).mean()
    ax.set_title(f"{title}\n{seconds:.0f} s, 10-neighbor accuracy {accuracy:.2f}")

# %%
# Images that were not fitted, and what the plane decodes to behind them: TSNE has
# neither.

LatentSpaceDisplay.from_estimator(method, X_new, y_new, n_decoded=20, show_scores=True)
plt.show()
# sphinx_gallery_thumbnail_number = 4
