"""The plan of a fit to a table: every "auto" is a number here."""

from dataclasses import dataclass

from sknn_deep.training import Recipe

# Steps that a fit takes, within these bounds of epochs: long trainings overfit large
# tables of classes, and short ones do not come to the end on small ones.
_N_STEPS_FOR_CLASSES = 3000
_N_STEPS_FOR_NUMBERS = 5000
_FEWEST_EPOCHS, _MOST_EPOCHS = 16, 80

_RATE_FOR_CLASSES = 0.04
_RATE_FOR_NUMBERS = 0.2


@dataclass(frozen=True)
class TabularRecipe:
    """How networks for a table are made and trained, in numbers.

    The first fields are the estimators' parameters of the same names; the last ones
    cannot be changed.

    Attributes
    ----------
    n_rows : int
        Rows that are trained on, those that some network holds back included.

    n_inputs : int
        Inputs of the first hidden layer.

    scheduled : dict of str to str
        What follows a schedule, and which.
    """

    n_estimators: int
    hidden_layer_sizes: tuple[int, ...]
    activation: tuple[str, ...]
    max_iter: int
    batch_size: int
    learning_rate_init: float
    alpha: float
    dropout: float
    n_rows: int
    early_stopping: bool = False
    max_time: float | None = None
    solver: str = "adamw"
    beta_1: float = 0.9
    beta_2: float = 0.95
    epsilon: float = 1e-8
    learning_rate: str = "coslog4"
    alpha_schedule: str = "flat_cos"
    dropout_schedule: str = "flat_cos"

    def for_net(self) -> Recipe:
        """Give what the net asks for; there is nothing that the rest would change."""
        return Recipe(
            solver=self.solver,
            alpha=self.alpha,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            learning_rate_init=self.learning_rate_init,
            power_t=0.5,
            max_iter=self.max_iter,
            shuffle=True,
            tol=0.0,
            momentum=0.0,
            nesterovs_momentum=False,
            early_stopping=self.early_stopping,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
            n_iter_no_change=1,
            max_time=self.max_time,
        )


def resolve_tabular_recipe(
    *,
    max_iter: int | str,
    batch_size: int,
    learning_rate_init: float | str,
    n_rows: int,
    for_classes: bool,
    **parameters,
) -> TabularRecipe:
    """Turn "auto" into numbers.

    ``max_iter="auto"`` is as many epochs as make some 3,000 steps for classes, or 5,000
    for numbers, but 16 to 80; ``learning_rate_init="auto"`` is RealMLP's for classes or
    for numbers. Batches get the largest size up to `batch_size` at which they differ
    least: a small one at the end of each epoch would be a step of the full length by
    few rows.
    """
    n_batches = -(-n_rows // batch_size)
    if max_iter == "auto":
        n_steps = _N_STEPS_FOR_CLASSES if for_classes else _N_STEPS_FOR_NUMBERS
        max_iter = round(n_steps / n_batches)
        max_iter = max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, max_iter))
    if learning_rate_init == "auto":
        learning_rate_init = _RATE_FOR_CLASSES if for_classes else _RATE_FOR_NUMBERS
    return TabularRecipe(
        max_iter=int(max_iter),
        batch_size=-(-n_rows // n_batches),
        learning_rate_init=float(learning_rate_init),
        n_rows=n_rows,
        **parameters,
    )
