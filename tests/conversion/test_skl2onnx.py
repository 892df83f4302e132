"""Pipelines with steps of scikit-learn's of any kind, as ONNX files by skl2onnx."""

import functools
import os
import sys

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)

from sknn_deep import AutoencoderTransformer, MLPClassifier, MLPRegressor, to_onnx
from sknn_deep.persistence import register_skl2onnx
from tests.requirements import needs, since_pyarrow_is_there

pytestmark = needs("skl2onnx>=1.20", "it converts whole Pipelines")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
NUMBERS = X[:, 0] + X[:, 1] ** 2
CLASSES = np.array(["c", "a", "b"])[np.digitize(NUMBERS, [0.3, 1.5])]


def make(cls=MLPClassifier, **params):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 20, "random_state": 0}
    return cls(**defaults | {"learning_rate": "one_cycle"} | params)


def run(path, inputs):
    if isinstance(inputs, np.ndarray):
        inputs = {"X": inputs}
    session = onnxruntime.InferenceSession(path)
    names = [put.name for put in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs), strict=True))


def as_inputs(table, dtype="float32"):
    """Give the columns of a table as the inputs of a file."""
    return {
        name: table[[name]].to_numpy(
            dtype if pd.api.types.is_numeric_dtype(table[name]) else object
        )
        for name in table
    }


def assert_close_to_spread(output, expected):
    assert output.shape == expected.shape
    assert np.abs(output - expected).max() < 1e-5 * expected.std()


# --- tables ---------------------------------------------------------------------------


def make_table(n_rows=200):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": rng.uniform(18, 80, size=n_rows),
            "children": rng.integers(4, size=n_rows),
            "income": rng.lognormal(10, 1, size=n_rows),
            "city": rng.choice(["Basel", "Bern", "Genf"], size=n_rows),
            "job": rng.choice(["nurse", "smith", "cook"], size=n_rows),
        }
    )
    for column in ("age", "income", "job"):
        table.loc[rng.random(n_rows) < 0.2, column] = np.nan
    table.loc[:3, "city"] = "Chur"  # too few for a column of its own
    return table


TABLE = make_table()
BUYS = np.where(TABLE["children"] + (TABLE["job"] == "cook") > 1, "yes", "no")


def make_recipe(encoder):
    """Give the guide's recipe for tables."""
    numbers = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    preprocess = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (encoder, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(preprocess, make())


@functools.cache
def fitted_recipe():
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False
    )
    return make_recipe(encoder).fit(TABLE, BUYS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_recipe_for_tables_gives_the_same_from_raw_columns(dtype, tmp_path):
    model = fitted_recipe()
    strangers = pd.DataFrame(
        {
            "age": [np.nan, 30.0],
            "children": [2, 5],
            "income": [np.nan, 3e4],
            "city": ["Lugano", None],
            "job": ["pilot", "cook"],
        }
    )

    to_onnx(model, tmp_path / "model.onnx", TABLE.head(9), dtype=dtype)

    written = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(written, full_check=True)
    assert {put.domain: put.version for put in written.opset_import}[""] == 17
    for table in (TABLE, TABLE[:1], strangers):
        outputs = run(tmp_path / "model.onnx", as_inputs(table, dtype))
        assert list(outputs) == ["label", "probabilities"]
        assert_array_equal(outputs["label"], model.predict(table))
        expected = model.predict_proba(table)
        assert outputs["probabilities"].dtype == dtype
        tolerance = 1e-6 if dtype == "float32" else 1e-12
        assert_allclose(outputs["probabilities"], expected, atol=tolerance)


@pytest.mark.parametrize("gap", [np.nan, None, pd.NA], ids=str)
def test_each_kind_of_missing_string_is_the_category_that_is_missing(gap, tmp_path):
    to_onnx(fitted_recipe(), tmp_path / "model.onnx", TABLE.head(9))
    inputs = as_inputs(TABLE[TABLE["job"].isna()])
    expected = run(tmp_path / "model.onnx", inputs)["probabilities"]

    inputs["job"] = np.full((len(expected), 1), gap, object)

    outputs = run(tmp_path / "model.onnx", inputs)
    assert_array_equal(outputs["probabilities"], expected)


@since_pyarrow_is_there
def test_a_table_of_polars_names_the_same_inputs(tmp_path):
    model = fitted_recipe()

    to_onnx(model, tmp_path / "pandas.onnx", TABLE.head(9))
    to_onnx(model, tmp_path / "polars.onnx", pl.from_pandas(TABLE.head(9)))

    files = [(tmp_path / f"{name}.onnx").read_bytes() for name in ("pandas", "polars")]
    assert files[0] == files[1]


@pytest.mark.filterwarnings(
    # Until scikit-learn 1.7 is the oldest: of how it writes columns down.
    r"ignore:\s*The format of the columns of the 'remainder':FutureWarning"
)
def test_columns_that_no_step_takes_are_no_inputs(tmp_path):
    table = TABLE[["children", "city", "job"]]
    columns = make_column_transformer((OneHotEncoder(), ["city"]))
    rest = make_column_transformer(
        (OneHotEncoder(), ["city"]), ("drop", ["job"]), remainder="passthrough"
    )
    for preprocess, names in [(columns, ["city"]), (rest, ["children", "city"])]:
        model = make_pipeline(preprocess, StandardScaler(with_mean=False), make())
        model.fit(table, BUYS)

        to_onnx(model, tmp_path / "model.onnx", table.head(3))

        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        assert [put.name for put in session.get_inputs()] == names
        outputs = run(tmp_path / "model.onnx", as_inputs(table[names]))
        assert_allclose(outputs["probabilities"], model.predict_proba(table), atol=1e-6)


ENCODERS = {
    "all": OneHotEncoder(handle_unknown="ignore"),
    "first dropped": OneHotEncoder(drop="first", handle_unknown="ignore"),
    "one of two dropped": OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
    "rare": OneHotEncoder(max_categories=3, handle_unknown="infrequent_if_exist"),
    "rare, ignored": OneHotEncoder(max_categories=3, handle_unknown="ignore"),
    "rare, first dropped": OneHotEncoder(
        max_categories=3, drop="first", handle_unknown="infrequent_if_exist"
    ),
}


@pytest.mark.filterwarnings("ignore:Found unknown categories:UserWarning")
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_one_hot_columns_are_those_of_the_encoder(encoder, tmp_path):
    """By a network of one layer, which tells all columns apart."""
    table = pd.DataFrame(
        {
            "text": ["a", "b", None, "c", "a", "b", "b", "a"] * 3,
            "number": [1.0, 2.0, np.nan, 5.0, 1.0, 2.0, 1.0, 1.0] * 3,
            "bool": [True, False] * 12,
        }
    )
    y = np.arange(24) % 5
    model = make_pipeline(encoder, make(MLPRegressor, hidden_layer_sizes=()))
    model.fit(table, y)
    strangers = pd.DataFrame(
        {"text": ["x", "a", None], "number": [1.0, 9.0, np.nan], "bool": [True] * 3}
    )

    to_onnx(model, tmp_path / "model.onnx", table.head(3))

    for rows in (table, strangers):
        output = run(tmp_path / "model.onnx", as_inputs(rows))["predictions"]
        assert_allclose(output[:, 0], model.predict(rows), atol=1e-6)


def test_a_category_that_is_called_none_is_not_missing(tmp_path):
    table = pd.DataFrame({"text": ["None", "a", "b"] * 10})
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(encoder, make()).fit(table, np.arange(30) % 3)
    rows = pd.DataFrame({"text": ["None", np.nan]}, dtype=object)

    to_onnx(model, tmp_path / "model.onnx", table.head(3))

    output = run(tmp_path / "model.onnx", as_inputs(rows))["probabilities"]
    assert_allclose(output, model.predict_proba(rows), atol=1e-6)
    assert np.abs(output[0] - output[1]).max() > 1e-3


def test_an_unknown_category_is_an_error_where_the_encoder_raises_one(tmp_path):
    table = TABLE[["city", "children"]].astype({"children": "float64"})
    model = make_pipeline(OneHotEncoder(), make()).fit(table, BUYS)

    to_onnx(model, tmp_path / "model.onnx", table.head(3))

    output = run(tmp_path / "model.onnx", as_inputs(table))["probabilities"]
    assert_allclose(output, model.predict_proba(table), atol=1e-6)
    for stranger in ({"city": "Lugano"}, {"children": 9.0}):
        inputs = as_inputs(table.head(1).assign(**stranger))
        with pytest.raises(Exception, match="indices element out of data bounds"):
            run(tmp_path / "model.onnx", inputs)


IMPUTERS = {
    "mean": SimpleImputer(),
    "marked": SimpleImputer(strategy="median", add_indicator=True),
    "constant": SimpleImputer(strategy="constant", fill_value=3.0, add_indicator=True),
    "empty column kept": SimpleImputer(keep_empty_features=True),
    "a number that stands for gaps": SimpleImputer(missing_values=-1.0),
}


@pytest.mark.filterwarnings(
    "ignore:Skipping features without any observed:UserWarning",
    # Until scikit-learn 1.8 is the oldest: of columns that are empty.
    "ignore:Currently, when `keep_empty_feature=False`:FutureWarning",
)
@pytest.mark.parametrize("imputer", IMPUTERS.values(), ids=IMPUTERS)
def test_gaps_in_numbers_are_filled_as_by_the_imputer(imputer, tmp_path):
    rows = X.copy()
    rows[::5, 1] = rows[::7, 2] = rows[:, 3] = imputer.missing_values
    model = make_pipeline(imputer, make(MLPRegressor)).fit(rows, NUMBERS)

    to_onnx(model, tmp_path / "model.onnx")

    output = run(tmp_path / "model.onnx", rows.astype(np.float32))["predictions"]
    assert_close_to_spread(output[:, 0], model.predict(rows))


def test_gaps_in_strings_are_filled_as_by_the_imputer(tmp_path):
    fill = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    table = TABLE[["job", "city"]].astype(object)
    model = make_pipeline(fill, make()).fit(table, BUYS)

    to_onnx(model, tmp_path / "model.onnx", table.head(9))

    output = run(tmp_path / "model.onnx", as_inputs(table))["probabilities"]
    assert_allclose(output, model.predict_proba(table), atol=1e-6)


# --- numbers --------------------------------------------------------------------------


@functools.cache
def network():
    return make().fit(X, CLASSES)


def bins(encode):
    return make_pipeline(KBinsDiscretizer(4, encode=encode, strategy="uniform"), make())


CLASSIFIERS = {
    "bins": lambda: bins("onehot"),
    "numbers of bins": lambda: bins("ordinal"),
    "union": lambda: make_pipeline(
        make_union(StandardScaler(), PolynomialFeatures(2)), make()
    ),
    "power": lambda: make_pipeline(PowerTransformer(), make(n_estimators=2)),
    "vote": lambda: VotingClassifier(
        [("a", make()), ("b", LogisticRegression())], voting="soft", weights=[1, 2]
    ),
    "vote of ensembles": lambda: make_pipeline(
        StandardScaler(), VotingClassifier([("a", make(n_estimators=2))], voting="soft")
    ),
    "calibrated": lambda: CalibratedClassifierCV(make(), cv=2),
    "calibrated Pipeline": lambda: make_pipeline(
        PolynomialFeatures(2),
        CalibratedClassifierCV(make_pipeline(StandardScaler(), make()), cv=2),
    ),
    "searched": lambda: GridSearchCV(
        make_pipeline(PolynomialFeatures(2), make()),
        {"mlpclassifier__alpha": [1e-4]},
        cv=2,
    ),
    "hidden features": lambda: make_pipeline(
        FunctionTransformer(network().hidden_features), LogisticRegression()
    ),
    "codes": lambda: make_pipeline(
        StandardScaler(),
        make(AutoencoderTransformer, hidden_layer_sizes=(3,)),
        LogisticRegression(),
    ),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_whole_classifiers_give_the_same_probabilities(name, tmp_path, capfd):
    model = CLASSIFIERS[name]().fit(X, CLASSES)

    to_onnx(model, tmp_path / "model.onnx")

    outputs = run(tmp_path / "model.onnx", X.astype(np.float32))
    assert list(outputs) == ["label", "probabilities"]
    assert_array_equal(outputs["label"], model.predict(X))
    assert_allclose(outputs["probabilities"], model.predict_proba(X), atol=1e-5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_calibrated_networks_are_calibrated_by_their_probabilities(n_classes, tmp_path):
    y = np.digitize(NUMBERS, [0.3, 1.5])[:, None].clip(max=n_classes - 1).ravel()
    model = CalibratedClassifierCV(make(), cv=2, ensemble=False).fit(X, y)

    to_onnx(model, tmp_path / "model.onnx", dtype="float64")

    output = run(tmp_path / "model.onnx", X)["probabilities"]
    assert_allclose(output, model.predict_proba(X), atol=1e-12)


REGRESSORS = {
    "polynomials": lambda: make_pipeline(PolynomialFeatures(2), make(MLPRegressor)),
    "ensemble": lambda: make_pipeline(
        PolynomialFeatures(2), make(MLPRegressor, n_estimators=2, normalize_y=True)
    ),
    "vote": lambda: VotingRegressor(
        [("a", make(MLPRegressor)), ("b", make(MLPRegressor, random_state=1))]
    ),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_whole_regressors_give_the_same_predictions(name, tmp_path):
    model = REGRESSORS[name]().fit(X, NUMBERS)

    to_onnx(model, tmp_path / "model.onnx")

    outputs = run(tmp_path / "model.onnx", X.astype(np.float32))
    assert list(outputs) == ["predictions"]
    assert_close_to_spread(outputs["predictions"][:, 0], model.predict(X))


def test_whole_autoencoders_give_codes_and_reconstructions(tmp_path):
    codes = make_pipeline(PolynomialFeatures(2), make(AutoencoderTransformer)).fit(X)
    decode = FunctionTransformer(codes[-1].inverse_transform)
    model = make_pipeline(*(step for _, step in codes.steps), decode)

    to_onnx(codes, tmp_path / "codes.onnx")
    to_onnx(model, tmp_path / "model.onnx")

    rows = X.astype(np.float32)
    outputs = run(tmp_path / "codes.onnx", rows) | run(tmp_path / "model.onnx", rows)
    assert list(outputs) == ["codes", "reconstructions"]
    assert_close_to_spread(outputs["codes"], codes.transform(X))
    assert_close_to_spread(outputs["reconstructions"], model.transform(X))


# --- skl2onnx itself ------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels", [CLASSES, np.arange(90) % 2, (X[:, :3] > 0.5).astype(int)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_registered_classifiers_have_the_options_of_skl2onnx(labels, dtype):
    import skl2onnx

    register_skl2onnx()
    register_skl2onnx()
    model = make_pipeline(StandardScaler(), make()).fit(X, labels)
    rows, expected = X.astype(dtype), model.predict_proba(X.astype(dtype))
    tolerance = 1e-6 if dtype == "float32" else 1e-12

    def outputs_with(**options):
        options = {id(model[-1]): options} if options else None
        return list(run_converted(model, options).values())

    def run_converted(model, options):
        converted = skl2onnx.to_onnx(
            model, rows[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3}
        )
        return run(converted.SerializeToString(), rows)

    label, proba = outputs_with(zipmap=False)
    assert proba.dtype == dtype
    assert_allclose(proba, expected, atol=tolerance)
    if dtype == "float32":  # which ONNX's ZipMap takes alone
        label, maps = outputs_with()
        assert_array_equal(label, model.predict(rows))
        assert list(maps[0]) == model.classes_.tolist()
        assert_allclose([list(row.values()) for row in maps], proba)
    label, *columns = outputs_with(zipmap="columns")
    assert_allclose(np.transpose(columns), proba)
    label, raw = outputs_with(zipmap=False, raw_scores=True)
    assert_array_equal(label, model.predict(rows))
    if labels.ndim == 1:
        odds = np.exp(raw.astype(np.float64))
        assert_allclose(odds / odds.sum(1, keepdims=True), proba, atol=tolerance)
        number, _ = outputs_with(zipmap=False, nocl=True)
        assert_array_equal(model.classes_[number], model.predict(rows))
    else:
        assert_allclose(1 / (1 + np.exp(-raw)), proba, atol=1e-5)


def test_registered_regressors_and_autoencoders_convert_alone():
    import skl2onnx

    register_skl2onnx()
    rows = X.astype(np.float32)
    reg = make(MLPRegressor, normalize_y=True).fit(X, X[:, :2])
    coder = make(AutoencoderTransformer).fit(X)

    for model, expected in [(reg, reg.predict(X)), (coder, coder.transform(X))]:
        converted = skl2onnx.to_onnx(model, rows[:1], target_opset=17)
        (output,) = run(converted.SerializeToString(), rows).values()
        assert_close_to_spread(output, expected)


def test_raw_scores_of_an_ensemble_are_refused():
    import skl2onnx

    register_skl2onnx()
    clf = make(n_estimators=2).fit(X, CLASSES)

    with pytest.raises(ValueError, match="needs a single network"):
        skl2onnx.to_onnx(clf, X[:1], options={"raw_scores": True}, target_opset=17)


# --- errors ---------------------------------------------------------------------------


def test_what_cannot_be_converted_is_one_error_and_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unfitted = make_pipeline(PolynomialFeatures(2), make())
    with pytest.raises(NotFittedError):
        to_onnx(unfitted, "model.onnx")
    squares = make_pipeline(FunctionTransformer(np.square), make()).fit(X, CLASSES)
    with pytest.raises(TypeError, match=r"cannot convert.*a function of yours.*square"):
        to_onnx(squares, "model.onnx")
    with pytest.raises(TypeError, match=r"^Pass X to .*a few rows.*cannot convert"):
        to_onnx(fitted_recipe(), "model.onnx")
    isotonic = CalibratedClassifierCV(make(), method="isotonic", cv=2).fit(X, CLASSES)
    with pytest.raises(TypeError, match=r"method='sigmoid' alone. Got .*'isotonic'"):
        to_onnx(isotonic, "model.onnx")
    bent = make_pipeline(PolynomialFeatures(2), make()).fit(X, CLASSES)
    for rows in (None, X[:3]):  # of numbers: X would not help
        with pytest.raises(TypeError, match=r"^skl2onnx .*this Pipeline in float64"):
            to_onnx(bent, "model.onnx", rows, dtype="float64")
    with pytest.raises(ValueError, match=r"output='raw' of a network and linear step"):
        to_onnx(bent, "model.onnx", output="raw")
    large = make(MLPRegressor, normalize_y=True)
    far = make_pipeline(PolynomialFeatures(2), large).fit(X, 1e7 + NUMBERS)
    with pytest.raises(ValueError, match=r'normalize_y.*dtype="float64"'):
        to_onnx(far, "model.onnx")
    assert os.listdir() == []


@pytest.mark.parametrize("column", [1, "town"])
@pytest.mark.parametrize("search", [False, True])
def test_the_message_on_a_table_without_rows_begins_with_the_cure(
    column, search, tmp_path
):
    table = pd.DataFrame({"area": NUMBERS[:40], "town": ["A", "B"] * 20})
    rows = table if column == "town" else table.to_numpy(dtype=object)
    columns = make_column_transformer((OneHotEncoder(), [column]))
    model = make_pipeline(columns, make(batch_size=2, max_iter=1))
    if search:
        model = GridSearchCV(model, {"mlpclassifier__alpha": [0.1]}, cv=2)
    model.fit(rows, CLASSES[:40])

    with pytest.raises(TypeError) as caught:
        to_onnx(model, tmp_path / "model.onnx")

    assert str(caught.value).startswith(
        "Pass X to to_onnx, a few rows of the table that was fitted: they show the "
        "names of the columns, and which hold numbers or strings. Without them skl2onnx"
    )
    if column == 1:
        with pytest.raises(TypeError, match=r"Pass a DataFrame with a value in each"):
            to_onnx(model, tmp_path / "model.onnx", rows[:3])
        rows = pd.DataFrame(rows)
    to_onnx(model, tmp_path / "model.onnx", rows[:3])


@pytest.mark.parametrize(("names", "refused"), [(["", "b"], [""]), ([1, "1"], ["1"])])
def test_columns_that_cannot_name_inputs_are_named(names, refused, tmp_path):
    table = pd.DataFrame([[0.0, "a"], [1.0, "b"]])
    columns = make_column_transformer((OneHotEncoder(), [1]), remainder="passthrough")
    pipe = make_pipeline(columns, make(batch_size=2))
    pipe.fit(table, [0, 1])
    table.columns = names

    with pytest.raises(ValueError) as caught:
        to_onnx(pipe, tmp_path / "model.onnx", X=table)

    assert str(caught.value) == (
        f"to_onnx names an input after each column of X, and cannot do so for {refused}"
        ": a name is empty, or there twice. Rename these columns before the fit."
    )


def test_columns_of_which_the_kind_does_not_show_are_named(tmp_path):
    gaps = TABLE[TABLE["job"].isna()].head(2)
    with pytest.raises(TypeError, match=r"only missing values, in its column 'job'"):
        to_onnx(fitted_recipe(), tmp_path / "model.onnx", gaps)
    days = TABLE.head(2).assign(city=pd.Timestamp("2024-01-01"))
    with pytest.raises(TypeError, match=r"numbers and which are strings.*'city'"):
        to_onnx(fitted_recipe(), tmp_path / "model.onnx", days)
    with pytest.raises(ValueError, match=r"rows with the features.*shape \(4,\)"):
        to_onnx(
            make_pipeline(PolynomialFeatures(2), make()).fit(X, CLASSES),
            tmp_path / "model.onnx",
            X[0],
        )


def test_without_skl2onnx_it_says_what_to_install(tmp_path, monkeypatch):
    model = make_pipeline(PolynomialFeatures(2), make()).fit(X, CLASSES)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    for name in list(sys.modules):
        if name.startswith("sknn_deep.conversion.skl2onnx_converters"):
            monkeypatch.delitem(sys.modules, name)

    with pytest.raises(ImportError, match=r'to_onnx needs.*"sknn-deep\[skl2onnx\]"'):
        to_onnx(model, tmp_path / "model.onnx")
    with pytest.raises(ImportError, match=r"register_skl2onnx needs skl2onnx"):
        register_skl2onnx()
