"""Early stopping on the rows that a cross-validation splitter sets aside."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    check_cv,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.dataset import ValidSplit

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor
from sknn_deep.callbacks import Checkpoint
from tests.estimators.fits import message_of, weights_of

ESTIMATORS = [AutoencoderTransformer, MLPClassifier, MLPRegressor]
EACH = pytest.mark.parametrize("Estimator", ESTIMATORS)

N_ROWS = 60
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(N_ROWS, 4))
# Seven groups of different sizes, their rows all over X.
GROUPS = RNG.permutation(np.repeat(np.arange(7), [4, 5, 6, 9, 10, 12, 14]))
LABELS = np.array(["a", "b", "c"])[RNG.integers(3, size=N_ROWS)]
NUMBERS = X @ np.arange(4.0)
ALL = np.arange(N_ROWS)

# Few epochs do not converge, and need not.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(Estimator=MLPClassifier, splitter=0.1, **params):
    defaults = {
        "hidden_layer_sizes": (5,),
        "max_iter": 3,
        "early_stopping": True,
        "random_state": 0,
    }
    return Estimator(**defaults | {"validation_fraction": splitter} | params)


def target_of(Estimator):
    return NUMBERS if Estimator is MLPRegressor else LABELS


class Watching:
    """Splits as another splitter does, and keeps what it was asked."""

    calls: list = []  # outlives copies

    def __init__(self, splitter):
        self.splitter = splitter

    def get_n_splits(self, X=None, y=None, groups=None):
        return self.splitter.get_n_splits(X, y, groups)

    def split(self, X, y=None, groups=None):
        self.calls.append((X, y, groups))
        return self.splitter.split(X, y, groups)


class Giving:
    """Gives the same splits whatever it is asked."""

    def __init__(self, *splits):
        self.splits = splits

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.splits)

    def split(self, X, y=None):
        yield from self.splits


@pytest.fixture
def calls(monkeypatch):
    monkeypatch.setattr(Watching, "calls", [])
    return Watching.calls


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


def largest(splitter, y=LABELS, groups=None, rows=ALL):
    """Find the split by hand: most rows to train on, the last one of equals."""
    splits = list(splitter.split(X[rows], y[rows], groups))
    sizes = [len(train) for train, _ in splits]
    best = max(i for i, size in enumerate(sizes) if size == max(sizes))
    return splits[best]


def rows_set_aside(estimator, *data, **options):
    """Find the rows of X that are scored: a scorer sees them."""
    seen = []

    def score(model, X_scored, y_scored=None):
        seen.append(np.asarray(X_scored))
        return 0.0

    estimator = clone(estimator).set_params(scoring=score, max_iter=1)
    estimator.fit(*data, **options)
    first = seen[0]
    equal = (X[:, None] == first[None]).all(axis=2)
    assert equal.any(axis=0).all()
    return np.flatnonzero(equal.any(axis=1))


# --- which rows -----------------------------------------------------------------------


SPLITTERS = {
    "GroupKFold": (GroupKFold(3), True),
    "GroupShuffleSplit": (GroupShuffleSplit(8, random_state=1), True),
    "LeaveOneGroupOut": (LeaveOneGroupOut(), True),
    "StratifiedGroupKFold": (StratifiedGroupKFold(3), True),
    "KFold of unequal folds": (KFold(7), False),
    "StratifiedKFold": (StratifiedKFold(4), False),
    "TimeSeriesSplit": (TimeSeriesSplit(4), False),
    "PredefinedSplit": (PredefinedSplit(np.where(ALL % 9, -1, 0)), False),
}


CASES = [
    (Estimator, name)
    for Estimator in ESTIMATORS
    for name in SPLITTERS
    if not (name.startswith("Stratified") and Estimator is MLPRegressor)
]


@pytest.mark.parametrize(
    ("Estimator", "name"), CASES, ids=[f"{E.__name__}-{name}" for E, name in CASES]
)
def test_largest_split_is_validated_on_and_the_last_of_equals(Estimator, name):
    splitter, by_groups = SPLITTERS[name]
    groups = GROUPS if by_groups else None
    expected = largest(splitter, groups=groups)[1]

    rows = rows_set_aside(
        make(Estimator, splitter), X, target_of(Estimator), groups=groups
    )

    assert_array_equal(rows, np.sort(expected))


def test_time_series_is_validated_on_its_latest_rows():
    rows = rows_set_aside(make(splitter=TimeSeriesSplit(5)), X, LABELS)

    assert_array_equal(rows, np.arange(50, 60))


@EACH
def test_model_is_that_of_the_same_rows_as_x_val(Estimator):
    params = {"shuffle": False, "batch_size": 10, "max_iter": 5}
    y = target_of(Estimator)

    ours = make(Estimator, GroupKFold(3), **params).fit(X, y, groups=GROUPS)

    expected = fit_with_x_val(make(Estimator, **params), y)
    assert_array_equal(weights_of(ours), weights_of(expected))
    assert ours.validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize("Estimator", [MLPClassifier, MLPRegressor])
def test_networks_of_an_ensemble_are_those_of_the_same_rows_as_x_val(Estimator):
    params = {"shuffle": False, "batch_size": 10, "max_iter": 5, "n_estimators": 2}
    y = target_of(Estimator)

    ours = make(Estimator, GroupKFold(3), **params).fit(X, y, groups=GROUPS)

    expected = fit_with_x_val(make(Estimator, **params), y)
    for one, other in zip(ours.estimators_, expected.estimators_, strict=True):
        assert_array_equal(weights_of(one), weights_of(other))
        assert one.validation_scores_ == other.validation_scores_


def fit_with_x_val(estimator, y):
    """Take the parts of a split by hand; without shuffling the same batches come."""
    train, valid = largest(GroupKFold(3), groups=GROUPS)
    has_y = not isinstance(estimator, AutoencoderTransformer)
    y_val = {"y_val": y[valid]} if has_y else {}
    return estimator.fit(X[train], y[train], X_val=X[valid], **y_val)


def test_masks_lists_and_negative_numbers_are_read_as_by_indexing():
    train, valid = ALL[:45], ALL[45:]
    expected = make(splitter=Giving((train, valid)), shuffle=False).fit(X, LABELS)

    for parts in [
        (ALL < 45, ALL >= 45),
        (train.tolist(), valid.tolist()),
        (train, valid - N_ROWS),
    ]:
        ours = make(splitter=Giving(parts), shuffle=False).fit(X, LABELS)
        assert_array_equal(weights_of(ours), weights_of(expected))


def test_splitter_gets_rows_labels_and_groups_as_they_came(calls):
    frame = pd.DataFrame(X, columns=list("abcd"), index=ALL + 1000)
    labels = pd.Series(LABELS, index=frame.index)
    splitter = Watching(GroupKFold(3))

    make(splitter=splitter, n_estimators=3).fit(frame, labels, groups=GROUPS.tolist())

    ((X_seen, y_seen, groups_seen),) = calls  # once for all networks of an ensemble
    assert X_seen is frame
    assert y_seen is labels
    assert_array_equal(groups_seen, GROUPS)


def test_splitter_without_groups_in_its_signature_gets_none():
    splitter = Giving((ALL[:50], ALL[50:]))

    assert_array_equal(rows_set_aside(make(splitter=splitter), X, LABELS), ALL[50:])


@pytest.mark.parametrize(
    "form",
    [
        scipy.sparse.csr_matrix,
        scipy.sparse.csc_array,
        torch.from_numpy,
        np.ndarray.tolist,
        pd.DataFrame,
    ],
    ids=lambda form: form.__name__,
)
def test_any_form_of_rows_gives_the_same_model(form):
    expected = make(splitter=GroupKFold(3)).fit(X, LABELS, groups=GROUPS)

    ours = make(splitter=GroupKFold(3)).fit(form(X), LABELS, groups=GROUPS)

    np.testing.assert_allclose(weights_of(ours), weights_of(expected), rtol=1e-9)


def test_torch_tensors_are_read_as_labels_and_groups():
    numbers = np.unique(LABELS, return_inverse=True)[1]
    splitter = StratifiedGroupKFold(3)
    expected = make(splitter=splitter).fit(X, numbers, groups=GROUPS)

    ours = make(splitter=splitter).fit(
        torch.tensor(X), torch.tensor(numbers), groups=torch.tensor(GROUPS)
    )

    assert_array_equal(weights_of(ours), weights_of(expected))


@pytest.mark.parametrize(
    "groups",
    [
        [f"patient {g}" for g in GROUPS],
        pd.Series(GROUPS).map("patient {}".format),
        pd.Series(GROUPS).map("patient {}".format).astype("category"),
        pd.Timestamp("2026-01-01") + pd.to_timedelta(GROUPS, unit="D"),
    ],
    ids=["list", "Series", "categories", "days"],
)
def test_groups_may_have_names(groups):
    expected = rows_set_aside(make(splitter=GroupKFold(3)), X, LABELS, groups=GROUPS)

    rows = rows_set_aside(make(splitter=GroupKFold(3)), X, LABELS, groups=groups)

    assert_array_equal(rows, expected)


def test_multilabel_and_several_outputs_are_split():
    several = np.stack([NUMBERS, -NUMBERS], axis=1)
    labels = (X[:, :2] > 0.5).astype(int)
    expected = np.sort(largest(GroupKFold(3), groups=GROUPS)[1])

    for estimator, y in [
        (make(MLPRegressor, GroupKFold(3)), several),
        (make(MLPClassifier, GroupKFold(3)), labels),
        (make(MLPClassifier, GroupKFold(3)), scipy.sparse.csr_matrix(labels)),
    ]:
        rows = rows_set_aside(estimator, X, y, groups=GROUPS)
        assert_array_equal(rows, expected)


def test_memory_mapped_file_is_split(tmp_path):
    n_rows = 40_000
    rng = np.random.default_rng(0)
    np.save(tmp_path / "X.npy", rng.normal(size=(n_rows, 8)))
    X_file = np.load(tmp_path / "X.npy", mmap_mode="r")
    groups = np.arange(n_rows) // 100
    y = (np.asarray(X_file[:, 0]) > 0).astype(int)
    seen = []

    def score(model, X_scored, y_scored):
        seen.append(y_scored)
        return 0.0

    clf = make(splitter=GroupKFold(4), scoring=score, max_iter=1)
    with config_context(working_memory=1):
        clf.fit(X_file, y, groups=groups)

    expected = list(GroupKFold(4).split(X_file, y, groups))[-1][1]
    assert_array_equal(seen[0], y[expected])


# --- rows of zero weight --------------------------------------------------------------


def test_rows_of_zero_weight_are_in_neither_part():
    weight = np.where(ALL % 4 == 0, 0.0, 1.0)
    _, valid = largest(TimeSeriesSplit(3))

    rows = rows_set_aside(make(splitter=TimeSeriesSplit(3)), X, LABELS, weight)

    assert_array_equal(rows, [row for row in valid if weight[row]])


def test_rows_of_zero_weight_do_not_count_as_rows_to_train_on():
    first, second = (ALL[20:], ALL[:20]), (ALL[:30], ALL[30:])
    splitter = Giving(first, second)
    weight = np.where(ALL >= 30, 1e-9, 1.0)

    assert_array_equal(rows_set_aside(make(splitter=splitter), X, LABELS), ALL[:20])
    weight[ALL >= 45] = 0.0  # 25 are left of the first split, 30 of the second
    rows = rows_set_aside(make(splitter=splitter), X, LABELS, weight)
    assert_array_equal(rows, ALL[30:45])


def test_class_of_zero_weight_is_in_neither_part():
    clf = make(splitter=TimeSeriesSplit(3), class_weight={"a": 0})

    rows = rows_set_aside(clf, X, LABELS)

    _, valid = largest(TimeSeriesSplit(3))
    assert_array_equal(rows, valid[LABELS[valid] != "a"])


# --- what stays as it was -------------------------------------------------------------


def test_splitter_is_not_changed_and_fits_repeat():
    splitter = GroupShuffleSplit(3, random_state=np.random.RandomState(5))
    before = pickle.dumps(splitter)
    clf = make(splitter=splitter)

    first = rows_set_aside(clf, X, LABELS, groups=GROUPS)
    clf.fit(X, LABELS, groups=GROUPS)

    assert pickle.dumps(splitter) == before
    assert clf.validation_fraction is splitter
    assert_array_equal(rows_set_aside(clf, X, LABELS, groups=GROUPS), first)


def test_clone_and_pickle_take_the_splitter_along():
    clf = make(splitter=GroupShuffleSplit(3, random_state=7))

    for other in (clone(clf), copy.deepcopy(clf), pickle.loads(pickle.dumps(clf))):
        assert other.validation_fraction is not clf.validation_fraction
        assert repr(other) == repr(clf)


@EACH
def test_a_splitter_draws_no_random_numbers_of_the_network(Estimator):
    y = target_of(Estimator)
    before = np.random.get_state()[1].copy()

    make(Estimator, GroupShuffleSplit(random_state=0)).fit(X, y, groups=GROUPS)

    assert_array_equal(np.random.get_state()[1], before)


@EACH
@pytest.mark.parametrize("unused", ["no early stopping", "X_val", "lbfgs"])
def test_splitter_and_groups_are_not_used_where_nothing_is_set_aside(
    Estimator, unused, calls
):
    y = target_of(Estimator)
    params = {"no early stopping": {"early_stopping": False}, "lbfgs": {}, "X_val": {}}
    if unused == "lbfgs":
        params[unused] = {"solver": "lbfgs"}
    options = {}
    if unused == "X_val":
        options = {"X_val": X[:20]}
        if Estimator is not AutoencoderTransformer:
            options["y_val"] = y[:20]
    splitter = Watching(GroupKFold(3))

    ours = make(Estimator, splitter, **params[unused])
    ours.fit(X, y, groups=GROUPS, **options)
    number = make(Estimator, **params[unused]).fit(X, y, **options)

    assert not calls
    assert_array_equal(weights_of(ours), weights_of(number))


def test_partial_fit_refuses_early_stopping_with_a_splitter_too():
    clf = make(splitter=GroupKFold(3))

    assert "early_stopping" in message_of(clf.partial_fit, X, LABELS, classes=["a"])


# --- what is refused ------------------------------------------------------------------


WHO = "MLPClassifier cannot take its validation rows from "


@pytest.mark.parametrize(
    "value", [2, 1.0, -0.1, "GroupKFold", [([0], [1])], None], ids=repr
)
def test_other_values_name_what_is_allowed(value):
    message = message_of(make(splitter=value).fit, X, LABELS)

    assert message.startswith(
        "The 'validation_fraction' parameter of MLPClassifier must be a float in the "
        "range [0.0, 1.0) or an object implementing 'split' and 'get_n_splits'. Got "
    )


def test_class_of_a_splitter_is_refused():
    message = message_of(make(splitter=GroupKFold).fit, X, LABELS, groups=GROUPS)

    assert message == (
        "The 'validation_fraction' parameter of MLPClassifier must be a number or an "
        "instance of a splitter. Got the class: write GroupKFold()."
    )


@EACH
def test_groups_are_refused_by_a_number(Estimator):
    fit = make(Estimator, 0.2).fit

    assert message_of(fit, X, target_of(Estimator), groups=GROUPS) == (
        f"{Estimator.__name__}.fit got groups, but validation_fraction=0.2 draws rows "
        "without regard to them. Let validation_fraction be a splitter that keeps "
        "groups together, such as GroupShuffleSplit(test_size=0.1, random_state=0), or "
        "leave out groups."
    )


@EACH
@pytest.mark.parametrize(
    "splitter", [GroupKFold(3), StratifiedGroupKFold(3), LeaveOneGroupOut()], ids=repr
)
def test_missing_groups_are_asked_for(Estimator, splitter):
    fit = make(Estimator, splitter).fit

    assert message_of(fit, X, target_of(Estimator)) == (
        f"{Estimator.__name__}.fit got no groups, by which its validation_fraction="
        f"{type(splitter).__name__}(...) splits: pass groups to fit; as <step>__groups "
        "through a Pipeline, or by metadata routing with set_fit_request(groups=True)."
    )


def test_groups_that_are_ignored_are_warned_of_by_scikit_learn():
    with pytest.warns(UserWarning, match="groups parameter is ignored by KFold"):
        make(splitter=KFold(3)).fit(X, LABELS, groups=GROUPS)


@pytest.mark.parametrize(
    ("groups", "shape"),
    [(GROUPS[:-1], "(59,)"), (GROUPS[:, None], "(60, 1)"), (3, "()")],
    ids=["short", "column", "number"],
)
@pytest.mark.parametrize("early_stopping", [True, False])
def test_groups_of_another_length_are_refused(groups, shape, early_stopping):
    clf = make(splitter=GroupKFold(3), early_stopping=early_stopping)

    assert message_of(clf.fit, X, LABELS, groups=groups) == (
        "groups of MLPClassifier.fit must have one entry for each of the 60 rows. Got "
        f"an array of shape {shape}."
    )


@pytest.mark.parametrize(
    "groups",
    [
        np.where(GROUPS[0] == GROUPS, np.nan, GROUPS),
        [None if g == GROUPS[0] else "b" for g in GROUPS],
        [np.nan if g == GROUPS[0] else "b" for g in GROUPS],
        pd.Series([pd.NA if g == GROUPS[0] else "b" for g in GROUPS], dtype="string"),
        pd.to_datetime([None if g == GROUPS[0] else "2026-01-01" for g in GROUPS]),
    ],
    ids=["NaN", "None", "NaN among texts", "NA", "NaT"],
)
def test_missing_entries_of_groups_are_counted(groups):
    n_missing = np.count_nonzero(GROUPS[0] == GROUPS)

    message = message_of(make(splitter=GroupKFold(3)).fit, X, LABELS, groups=groups)

    assert message == (
        f"groups of MLPClassifier.fit must name the group of each row: {n_missing} of "
        "60 are missing. Give these rows groups of their own, or leave them out."
    )


@pytest.mark.parametrize(
    ("splitter", "rest"),
    [
        (GroupKFold(8), "GroupKFold: Cannot have number of splits n_splits=8 greater"),
        (Giving(), "Giving, which gives no split of the 60 rows."),
        (
            Giving((ALL, [])),
            "Giving: at least 2 rows are needed to validate on, and one to train on. "
            "Got 0 and 60 of 60 rows whose weight is positive.",
        ),
        (
            Giving(([], ALL)),
            "Giving: at least 2 rows are needed to validate on, and one to train on. "
            "Got 60 and 0 of 60 rows whose weight is positive.",
        ),
        (
            LeaveOneOut(),
            "LeaveOneOut: at least 2 rows are needed to validate on, and one to train "
            "on. Got 1 and 59 of 60 rows whose weight is positive.",
        ),
        (
            Giving((ALL[:50], ALL[47:])),
            "Giving: 3 of 60 rows are in both parts of its split, so that the score "
            "would be one on rows that were trained on.",
        ),
        (
            PredefinedSplit(np.arange(70) % 2),
            "PredefinedSplit, which numbers rows that the 60 of X do not have. A "
            "splitter with row numbers of its own only fits the rows that it was made "
            "for, and not a fold of them: pass X_val instead.",
        ),
        (
            Giving((ALL < 40, ALL[:50] >= 40)),
            "Giving, which numbers rows that the 60 of X do not have.",
        ),
        (
            ShuffleSplit(train_size=0.5, test_size=0.25, random_state=0),
            "ShuffleSplit: 15 of 60 rows are in neither part of its split, and would "
            "be lost. Take a splitter whose parts are all rows together; to leave rows "
            "out, leave them out of X, or name the others by check_cv([(train, valid)])"
            " of sklearn.model_selection.",
        ),
    ],
    ids=[
        "scikit-learn's own",
        "no split",
        "nothing to validate on",
        "nothing to train on",
        "one row",
        "both parts",
        "too many rows",
        "a mask too short",
        "neither part",
    ],
)
def test_what_a_splitter_gives_is_checked(splitter, rest):
    groups = GROUPS if isinstance(splitter, GroupKFold) else None
    clf = make(splitter=splitter)

    message = message_of(clf.fit, X, LABELS, groups=groups)

    assert message.startswith(WHO + rest)
    assert not hasattr(clf, "net_")


@EACH
@pytest.mark.parametrize(
    ("splitter", "n_rows"),
    [
        (TimeSeriesSplit(5, gap=3), 3),
        (TimeSeriesSplit(5, max_train_size=20), 30),
        (PredefinedSplit(np.arange(50) % 2), 10),
        (check_cv([(ALL[:40], ALL[45:])]), 5),
    ],
    ids=["gap", "max_train_size", "PredefinedSplit", "list of splits"],
)
def test_rows_left_out_on_purpose_are_counted_in_a_warning(Estimator, splitter, n_rows):
    with pytest.warns(UserWarning) as caught:
        make(Estimator, splitter).fit(X, target_of(Estimator))

    (message,) = [str(w.message) for w in caught if "neither part" in str(w.message)]
    assert message == (
        f"{Estimator.__name__} leaves out {n_rows} of 60 rows: they are in neither "
        f"part of the split that {type(splitter).__name__} gives."
    )


def test_rows_of_zero_weight_are_not_counted_as_lost():
    splitter = Giving((ALL[:40], ALL[45:]))
    weight = np.where((ALL >= 40) & (ALL < 45), 0.0, 1.0)

    assert_array_equal(
        rows_set_aside(make(splitter=splitter), X, LABELS, weight), ALL[45:]
    )


# --- routing --------------------------------------------------------------------------


def test_groups_come_through_a_pipeline_by_routing(routing):
    clf = make(splitter=GroupKFold(3)).set_fit_request(groups=True)

    pipe = make_pipeline(StandardScaler(), clf).fit(X, LABELS, groups=GROUPS)

    alone = make(splitter=GroupKFold(3))
    alone.fit(StandardScaler().fit_transform(X), LABELS, groups=GROUPS)
    assert_array_equal(weights_of(pipe[-1]), weights_of(alone))


def test_groups_come_through_a_pipeline_by_the_name_of_the_step():
    pipe = make_pipeline(StandardScaler(), make(splitter=GroupKFold(3)))

    pipe.fit(X, LABELS, mlpclassifier__groups=GROUPS)

    alone = make(splitter=GroupKFold(3))
    alone.fit(StandardScaler().fit_transform(X), LABELS, groups=GROUPS)
    assert_array_equal(weights_of(pipe[-1]), weights_of(alone))


def test_fit_transform_of_an_autoencoder_takes_groups(routing):
    ae = make(AutoencoderTransformer, GroupKFold(3)).set_fit_request(groups=True)

    codes = clone(ae).fit_transform(X, groups=GROUPS)

    expected = ae.fit(X, groups=GROUPS).transform(X)
    assert_array_equal(codes, expected)
    pipe = make_pipeline(clone(ae), make(early_stopping=False))
    pipe.fit(X, LABELS, groups=GROUPS)
    assert_array_equal(weights_of(pipe[0]), weights_of(ae))


def test_search_splits_groups_and_hands_them_on_to_each_fold(routing, calls):
    clf = make(splitter=Watching(GroupKFold(2))).set_fit_request(groups=True)
    search = GridSearchCV(clf, {"alpha": [0.1]}, cv=GroupKFold(3), refit=False)

    search.fit(X, LABELS, groups=GROUPS)

    folds = list(GroupKFold(3).split(X, LABELS, GROUPS))
    assert len(calls) == 3
    for (train, _), (X_seen, y_seen, groups_seen) in zip(folds, calls, strict=True):
        assert_array_equal(X_seen, X[train])
        assert_array_equal(y_seen, LABELS[train])
        assert_array_equal(groups_seen, GROUPS[train])


def test_search_with_groups_for_its_own_folds_alone_needs_no_request(routing):
    clf = make(splitter=0.2)

    search = GridSearchCV(clf, {"alpha": [0.1]}, cv=GroupKFold(3))
    search.fit(X, LABELS, groups=GROUPS)

    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_routing_without_a_request_asks_for_groups(routing):
    search = GridSearchCV(
        make(splitter=GroupKFold(2)), {}, cv=GroupKFold(3), error_score="raise"
    )

    message = message_of(search.fit, X, LABELS, groups=GROUPS)

    assert message.endswith("by metadata routing with set_fit_request(groups=True).")


def test_without_routing_a_search_keeps_groups_for_its_own_folds():
    search = GridSearchCV(
        make(splitter=GroupKFold(2)), {}, cv=GroupKFold(3), error_score="raise"
    )

    message = message_of(search.fit, X, LABELS, groups=GROUPS)

    assert message.startswith("MLPClassifier.fit got no groups")


def test_without_routing_the_name_of_the_step_hands_groups_on(calls):
    pipe = Pipeline([("clf", make(splitter=Watching(GroupKFold(2))))])
    search = GridSearchCV(pipe, {}, cv=GroupKFold(3), refit=False)

    search.fit(X, LABELS, groups=GROUPS, clf__groups=GROUPS)
    cross_val_score(
        pipe, X, LABELS, groups=GROUPS, cv=GroupKFold(3), params={"clf__groups": GROUPS}
    )

    folds = [train for train, _ in GroupKFold(3).split(X, LABELS, GROUPS)]
    assert len(calls) == 6
    for train, (_, _, groups_seen) in zip(folds * 2, calls, strict=True):
        assert_array_equal(groups_seen, GROUPS[train])


# --- going on after a crash -----------------------------------------------------------


def test_checkpoint_takes_other_groups_for_another_fit(tmp_path):
    def fit(groups, **params):
        clf = make(splitter=GroupKFold(3), callbacks=[Checkpoint(tmp_path)], **params)
        return clf.fit(X, LABELS, groups=groups)

    first = fit(GROUPS)
    renamed = fit(np.char.add("g", GROUPS.astype(str)))
    other = fit(ALL % 4)

    assert first.net_.n_resumed_ == 0
    # The same groups by other names set the same rows aside: the same fit.
    assert renamed.net_.n_resumed_ == first.n_iter_
    assert other.net_.n_resumed_ == 0


def test_checkpoint_takes_another_splitter_for_another_fit(tmp_path):
    def fit(splitter):
        clf = make(splitter=splitter, callbacks=[Checkpoint(tmp_path)])
        return clf.fit(X, LABELS)

    fit(TimeSeriesSplit(3))

    assert fit(TimeSeriesSplit(3)).net_.n_resumed_ == 3
    assert fit(TimeSeriesSplit(4)).net_.n_resumed_ == 0


def test_checkpoint_refuses_a_splitter_that_draws_anew(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    clf = make(splitter=GroupShuffleSplit(), callbacks=[checkpoint])

    assert message_of(clf.fit, X, LABELS, groups=GROUPS) == (
        "A MLPClassifier with a Checkpoint needs a splitter that sets the same rows "
        "aside in another process. Got validation_fraction=GroupShuffleSplit(...) with "
        "random_state=None: set its random_state=0, for instance."
    )
    assert list(tmp_path.iterdir()) == []


# --- what it is for -------------------------------------------------------------------


def make_patients(n_patients=40, n_each=25):
    """Draw rows that tell the patient well, and the label of the patient not at all."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(n_patients), n_each)
    rows = rng.normal(size=(n_patients, 10))[patients]
    rows += 0.1 * rng.normal(size=rows.shape)
    return rows, rng.permutation(np.arange(n_patients) % 2)[patients], patients


def test_a_fraction_leaks_groups_and_a_splitter_does_not():
    rows, labels, patients = make_patients()
    params = {"hidden_layer_sizes": (50,), "max_iter": 50, "learning_rate_init": 0.01}
    splitter = GroupShuffleSplit(1, test_size=0.25, random_state=0)

    leaking = make(splitter=0.25, **params).fit(rows, labels)
    honest = make(splitter=splitter, **params).fit(rows, labels, groups=patients)

    by_groups = cross_val_score(
        make(early_stopping=False, **params),
        rows,
        labels,
        groups=patients,
        cv=GroupKFold(5),
    ).mean()
    assert leaking.best_validation_score_ > 0.99
    assert honest.best_validation_score_ < 0.8
    assert by_groups < 0.7


def test_skorchs_split_is_the_first_one():
    """As the guide says to those who come from skorch."""
    rows = torch.arange(N_ROWS)
    dataset = torch.utils.data.TensorDataset(rows)

    _, valid = ValidSplit(TimeSeriesSplit(5))(dataset)

    assert_array_equal(valid.indices, np.arange(10, 20))
    ours = rows_set_aside(make(splitter=TimeSeriesSplit(5)), X, LABELS)
    assert_array_equal(ours, np.arange(50, 60))
