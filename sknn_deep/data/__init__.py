"""What the user handed over, checked once: rows, targets, weights, validation."""

from sknn_deep.data._arrays import check_arrays
from sknn_deep.data._class_weights import learn_class_weights, weigh
from sknn_deep.data._connectivity import check_connectivity
from sknn_deep.data._data import (
    FitData,
    Samples,
    all_or_nothing,
    as_array_like,
    check_rows,
    check_weights,
    concatenate,
    errors_about_targets,
    errors_instead_of_overflow,
    positive_rows,
    random_state_of,
)
from sknn_deep.data._explained_variance import (
    column_means,
    explained_share,
    is_constant,
    relative,
)
from sknn_deep.data._quantiles import (
    check_quantiles,
    check_scoring_of_quantiles,
    mean_d2_pinball_score,
)
from sknn_deep.data._refused_rows import refuse_rows, refuse_swapped
from sknn_deep.data._splitters import (
    check_groups,
    choose_last_splits,
    choose_split,
    draws_anew,
    is_splitter,
    refuse_unused_groups,
)
from sknn_deep.data._targets import ClassTarget, NumberTarget
from sknn_deep.data._text_and_gaps import say_y_is_no_numbers
from sknn_deep.data._validation_set import (
    advise_on_a_pipeline,
    has_validation_set,
    of_the_validation_set,
    split_rows,
)

__all__ = [
    "ClassTarget",
    "FitData",
    "NumberTarget",
    "Samples",
    "advise_on_a_pipeline",
    "all_or_nothing",
    "as_array_like",
    "check_arrays",
    "check_connectivity",
    "check_groups",
    "check_quantiles",
    "check_rows",
    "check_scoring_of_quantiles",
    "check_weights",
    "choose_last_splits",
    "choose_split",
    "column_means",
    "concatenate",
    "draws_anew",
    "errors_about_targets",
    "errors_instead_of_overflow",
    "explained_share",
    "has_validation_set",
    "is_constant",
    "is_splitter",
    "learn_class_weights",
    "mean_d2_pinball_score",
    "of_the_validation_set",
    "positive_rows",
    "random_state_of",
    "refuse_rows",
    "refuse_swapped",
    "refuse_unused_groups",
    "relative",
    "say_y_is_no_numbers",
    "split_rows",
    "weigh",
]
