"""Rows that are no vectors, as Keras loads images, are told how to become some."""

import numpy as np
import pytest
import torch

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor

ESTIMATORS = [MLPClassifier, MLPRegressor, AutoencoderTransformer]
LABELS = np.arange(6) % 2


def message(Estimator, shape):
    return (
        f"Found array with dim {len(shape)}, while {Estimator.__name__} takes one row "
        f"of features for each sample. Got shape {shape}: pass X.reshape(len(X), -1), "
        "which makes a row of each image."
    )


@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["numpy", "torch"])
@pytest.mark.parametrize("shape", [(6, 4, 4), (6, 1, 4, 4)], ids=str)
@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_images_are_told_to_become_rows(Estimator, fit, shape, make):
    is_first_part = Estimator is MLPClassifier and fit == "partial_fit"
    classes = {"classes": [0, 1]} if is_first_part else {}

    with pytest.raises(ValueError) as caught:
        getattr(Estimator(), fit)(make(shape), LABELS, **classes)

    assert str(caught.value) == message(Estimator, shape)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_new_images_are_told_too(Estimator):
    images = np.random.default_rng(0).uniform(size=(6, 4, 4))
    estimator = Estimator(max_iter=1, learning_rate="cosine")
    estimator.fit(images.reshape(len(images), -1), LABELS)
    is_autoencoder = Estimator is AutoencoderTransformer
    predict = estimator.transform if is_autoencoder else estimator.predict

    with pytest.raises(ValueError) as caught:
        predict(images)

    assert str(caught.value) == message(Estimator, images.shape)


def test_images_in_a_large_file_are_told_too(tmp_path):
    images = np.lib.format.open_memmap(
        tmp_path / "images.npy", mode="w+", dtype=np.float32, shape=(6, 512, 1024)
    )

    with pytest.raises(ValueError) as caught:
        MLPClassifier().fit(images, LABELS)

    assert str(caught.value) == message(MLPClassifier, images.shape)
