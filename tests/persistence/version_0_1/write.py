"""Write what version 0.1 left on disks: run once, with the code of 0.1.

Later versions must load these files; to run this again with them would write theirs.
"""

import pickle
from pathlib import Path

import numpy as np

import sknn_deep
from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

FOLDER = Path(__file__).parent


def make_data():
    """Make 40 rows of 5 columns, a label and a number for each."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    labels = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
    return X, labels, 100 + 10 * X[:, 2]


def main():
    X, labels, numbers = make_data()
    small = {"hidden_layer_sizes": (4,), "random_state": 0}
    clf = MLPClassifier(**small, max_iter=20, tol=0, learning_rate="cosine")
    clf.fit(X, labels)
    reg = MLPRegressor(**small, normalize_y=True, normalization="batch")
    for _ in range(3):
        reg.partial_fit(X, numbers)
    ensemble = MLPRegressor(
        **small, n_estimators=2, max_iter=5, tol=0, learning_rate="cosine"
    ).fit(X, numbers)
    autoencoder = AutoencoderTransformer(2, **small, max_iter=3).fit(X)
    partial = MLPClassifier(**small, solver="sgd", precision="float32")
    for _ in range(3):
        partial.partial_fit(X, labels, classes=["no", "yes"])

    models = {"classifier": clf, "regressor_partial_fit": reg, "ensemble": ensemble}
    for name, model in {**models, "autoencoder": autoencoder}.items():
        (FOLDER / f"{name}.pkl").write_bytes(pickle.dumps(model))
    sknn_deep.save(clf, FOLDER / "classifier.sknn")
    sknn_deep.save(partial, FOLDER / "classifier_partial_fit.sknn")
    sknn_deep.save(autoencoder, FOLDER / "autoencoder.sknn")

    expected = {
        "classifier": clf.predict_proba(X),
        "regressor_partial_fit": reg.predict(X),
        "ensemble": ensemble.predict(X),
        "autoencoder": autoencoder.transform(X),
        "classifier_partial_fit": partial.predict_proba(X),
    }
    # The next call shows that the optimizer was kept.
    expected["regressor_fourth_call"] = reg.partial_fit(X, numbers).predict(X)
    partial.partial_fit(X, labels)
    expected["classifier_fourth_call"] = partial.predict_proba(X)
    np.savez_compressed(FOLDER / "expected.npz", **expected)


if __name__ == "__main__":
    main()
