"""Any parameters and any data give a working model, or one clear error."""

from hypothesis import event, given
from hypothesis import strategies as st
from sklearn.base import is_classifier, is_regressor

from tests.hostile.data import rows, targets, weights
from tests.hostile.examples import draws
from tests.hostile.outcomes import fit_and_check
from tests.hostile.parameters import estimators


def _takes_labels(model) -> bool:
    return is_classifier(model) or is_regressor(model)


def _fit_params(draw, model, n_rows, *, hostile, n_columns):
    params = {}
    if _takes_labels(model) or draw(st.booleans()):
        params["y"] = draw(targets(model, n_rows, hostile=hostile))
    if draw(st.booleans()):
        params["sample_weight"] = draw(weights(n_rows, hostile=hostile))
    if draw(st.integers(0, 3)) == 0:
        params |= _validation_set(draw, model, n_columns, hostile=hostile)
    return params


def _validation_set(draw, model, n_columns, *, hostile) -> dict:
    n_rows = draw(st.sampled_from([1, 2, 6]))
    if hostile and draw(st.integers(0, 5)) == 0:
        n_columns += 1
    valid = {"X_val": draw(rows(n_rows, n_columns, hostile=hostile))}
    if _takes_labels(model):
        valid["y_val"] = draw(targets(model, n_rows, hostile=hostile))
    if draw(st.booleans()):
        valid["sample_weight_val"] = draw(weights(n_rows, hostile=hostile))
    if hostile and draw(st.integers(0, 5)) == 0:
        valid.pop(draw(st.sampled_from(sorted(valid))))
    return valid


def _check(data, *, model, hostile: bool) -> None:
    n_rows = data.draw(st.sampled_from([1, 2, 3, 8, 20, 30]), label="rows")
    n_columns = data.draw(st.integers(1, 4), label="columns")
    X = data.draw(rows(n_rows, n_columns, hostile=hostile), label="X")

    @st.composite
    def params(draw):
        return _fit_params(draw, model, n_rows, hostile=hostile, n_columns=n_columns)

    fit_params = data.draw(params(), label="fit_params")
    fitted = fit_and_check(model, X, n_rows, fit_params)
    event("fitted" if fitted else "refused")


@draws(80)
@given(data=st.data())
def test_any_parameters_give_a_working_model_or_a_clear_error(data):
    model = data.draw(estimators(), label="model")
    _check(data, model=model, hostile=False)


@draws(80)
@given(data=st.data())
def test_any_data_give_a_working_model_or_a_clear_error(data):
    model = data.draw(estimators(n_most=1, strange=False), label="model")
    _check(data, model=model, hostile=True)


@draws(60)
@given(data=st.data())
def test_any_parameters_and_data_give_a_working_model_or_a_clear_error(data):
    model = data.draw(estimators(), label="model")
    _check(data, model=model, hostile=True)
