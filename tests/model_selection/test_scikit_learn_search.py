"""scikit-learn's own tests of its searches, run with this package's in their place.

Most of them search over scikit-learn's estimators, which ours fit one after the other.
"""

import importlib.util
import sys

import joblib
import pytest
import sklearn.model_selection

from sknn_deep.model_selection import BatchedGridSearchCV, BatchedRandomizedSearchCV
from tests.requirements import is_met

TESTS = "sklearn.model_selection.tests.test_search"
OURS = {
    "GridSearchCV": BatchedGridSearchCV,
    "RandomizedSearchCV": BatchedRandomizedSearchCV,
}

# Tests of something else in the same file, which are not run.
NOT_OURS = {
    "test_validate_parameter_input": "of ParameterGrid and ParameterSampler",
    "test_parameter_grid": "of ParameterGrid",
    "test_param_sampler": "of ParameterSampler",
    "test_parameters_sampler_replacement": "of ParameterSampler",
    "test_yield_masked_array_for_each_param": "of a private function",
    "test_yield_masked_array_no_runtime_warning": "of a private function",
    "test__custom_fit_no_run_search": "of classes derived from BaseSearchCV",
    "test_array_api_search_cv_classifier": "of LinearDiscriminantAnalysis on arrays of "
    "other libraries; needs SCIPY_ARRAY_API before SciPy is imported",
}
# Tests that cannot hold.
CANNOT = {
    "test_custom_run_search": "compares all keys of cv_results_ with those of a class "
    "derived from BaseSearchCV, which has no 'batched'",
}
if not is_met("scikit-learn>=1.9"):
    CANNOT["test_random_search_bad_cv"] = (
        "compares an error's words with those of that version; ours are later ones"
    )


def load_module():
    """Execute a copy of scikit-learn's test module in which our classes are theirs."""
    spec = importlib.util.find_spec(TESTS)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name, ours in OURS.items():
            patch.setattr(sklearn.model_selection, name, ours)
        # Unknown marks are errors here; this one is about tests in several threads.
        patch.setitem(vars(pytest.mark), "thread_unsafe", lambda test: test)
        spec.loader.exec_module(module)
    assert all(getattr(module, name) is ours for name, ours in OURS.items())
    check_keys = module.check_cv_results_keys

    def check_keys_without_ours(results, *args):
        assert "batched" in results
        theirs = {name: values for name, values in results.items() if name != "batched"}
        check_keys(theirs, *args)

    module.check_cv_results_keys = check_keys_without_ours
    return module


# scikit-learn lets many warnings of its estimators and of small grids pass.
pytestmark = pytest.mark.filterwarnings("ignore")

_MODULE = load_module()
_TESTS = {
    name: function
    for name, function in vars(_MODULE).items()
    if name.startswith("test_") and name not in NOT_OURS
}
for _name, _reason in CANNOT.items():
    _mark = pytest.mark.xfail(reason=_reason, raises=AssertionError)
    _TESTS[_name] = _mark(_TESTS[_name])
globals().update(_TESTS)


@pytest.fixture(autouse=True)
def module_can_be_imported(monkeypatch):
    """Let pickles find the module's classes, and start no processes."""
    monkeypatch.setitem(sys.modules, TESTS, _MODULE)
    with joblib.parallel_config("threading"):
        yield


def test_scikit_learn_search_at_most_one_test_cannot_hold():
    assert len(_TESTS) >= (80 if is_met("scikit-learn>=1.9") else 77)
    assert len(CANNOT) <= (1 if is_met("scikit-learn>=1.9") else 2)
    assert all(hasattr(_MODULE, name) for name in [*NOT_OURS, *CANNOT])
