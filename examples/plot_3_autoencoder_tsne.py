"""
===================================================
An autoencoder before TSNE
===================================================

TSNE draws neighbors near each other, but it is slow where there are many numbers a row,
and it cannot go back. An autoencoder makes 32 numbers of MNIST's 784 first, and can.
"""

# %%
# A Pipeline of both
# ------------------

import matplotlib.pyplot as plt
from mnist import load_mnist
from sklearn.manifold import TSNE
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sknn_deep import AutoencoderTransformer
from sknn_deep.inspection import LatentSpaceDisplay, ReconstructionDisplay

name, _, X, _, y = load_mnist()
X, y = X[:3000], y[:3000]
autoencoder = AutoencoderTransformer(
    n_components=32,
    hidden_layer_sizes=(128, 64),
    out_activation="logistic",
    batch_size=256,
    max_iter=60,
    random_state=0,
)
pipe = make_pipeline(autoencoder, TSNE(random_state=0))
embedding = pipe.fit_transform(X)
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
plt.show()
