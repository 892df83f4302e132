"""Keras, with each backend in a process of its own.

Keras chooses its backend when it is imported, so two of them cannot share a process.
The process is idle while other contenders run.
"""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from alternation import Run

_trainer = None


class KerasProcess:
    """A contender: gives the seconds per epoch, and the accuracy, of one training.

    Parameters
    ----------
    backend : str
        "tensorflow", "jax" or "torch".

    task : Task
        What is to be trained.
    """

    def __init__(self, backend: str, task):
        self.pool = ProcessPoolExecutor(
            1,
            mp_context=get_context("spawn"),
            initializer=_start,
            initargs=(backend, task),
        )
        self.n_epochs = task.epochs
        self.pool.submit(_fit, 0, n_epochs=1).result()

    def __call__(self, seed: int) -> Run:
        return self.pool.submit(_fit, seed, self.n_epochs).result()

    def __del__(self):
        # Before Python's own clean-up, which may wake a pool that is being closed.
        self.pool.shutdown()


class Trainer:
    """A compiled model that is trained again and again from new weights.

    It is compiled once, in the first training, as where one trains for many epochs.
    """

    def __init__(self, task):
        import keras

        self.task = task
        layers = [keras.layers.Input((task.sizes[0],))]
        layers += [
            keras.layers.Dense(n, activation=activation)
            for n, activation in zip(task.sizes[1:], task.activations, strict=True)
        ]
        self.model = keras.Sequential(layers)
        losses = {
            "sparse_categorical_crossentropy": (
                keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            ),
            "mean_squared_error": keras.losses.MeanSquaredError(),
        }
        self.model.compile(keras.optimizers.Adam(0.001), losses[task.loss])
        self.model.optimizer.build(self.model.trainable_variables)
        self.optimizer_start = [
            keras.ops.convert_to_numpy(v) for v in self.model.optimizer.variables
        ]

    def fit(self, seed: int, n_epochs: int) -> Run:
        self._renew(seed)
        data = self.task.data
        start = time.perf_counter()
        self.model.fit(
            data.X_train,
            self.task.target,
            batch_size=self.task.batch_size,
            epochs=n_epochs,
            verbose=0,
        )
        seconds = time.perf_counter() - start
        output = self.model.predict(data.X_test, batch_size=2048, verbose=0)
        return Run(seconds / n_epochs, self.task.judge(output))

    def _renew(self, seed: int) -> None:
        import keras

        keras.utils.set_random_seed(seed)
        self.model.set_weights(keras.models.clone_model(self.model).get_weights())
        variables = self.model.optimizer.variables
        for variable, value in zip(variables, self.optimizer_start, strict=True):
            variable.assign(value)


def _start(backend: str, task) -> None:
    """Prepare the process: import Keras with its backend, make the model."""
    global _trainer
    os.environ["KERAS_BACKEND"] = backend
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    keras.config.set_floatx(task.data.X_train.dtype.name)
    _trainer = Trainer(task)


def _fit(seed: int, n_epochs: int) -> Run:
    return _trainer.fit(seed, n_epochs)
