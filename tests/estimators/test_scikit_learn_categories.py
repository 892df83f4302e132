"""scikit-learn's own tests of `categorical_features`, run with our classes.

They are of HistGradientBoostingClassifier and its regressor, whose forms and words of
this parameter are ours too.
"""

import importlib.util

import pytest
import sklearn.ensemble

from sknn_deep import TabularMLPClassifier, TabularMLPRegressor
from tests.requirements import needs

# Some pass unknown categories alone.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.* was fitted to none of the values:UserWarning"
)

TESTS = "sklearn.ensemble._hist_gradient_boosting.tests.test_gradient_boosting"

# Those that speak through public names alone.
PUBLIC = (
    "test_unknown_categories_nan",
    "test_categorical_spec_errors",
    "test_categorical_spec_errors_with_feature_names",
    "test_categorical_spec_no_categories",
    "test_unknown_category_that_are_negative",
    "test_pandas_nullable_dtype",
)

# What is another thing here, and on purpose.
DIFFERENT = {
    "insert_missing": "a missing category that the fit had is a value of its own, and "
    "an unknown one is none of them; trees treat both alike",
    "monotonic_cst": "networks have no constraints of that kind",
}


class _Small:
    """Takes what these tests pass, with a smaller network than the default."""

    def __init__(
        self,
        *,
        categorical_features="from_dtype",
        max_iter=2,
        random_state=0,
        monotonic_cst=None,
    ):
        super().__init__(
            hidden_layer_sizes=(16,),
            categorical_features=categorical_features,
            max_iter=max_iter,
            random_state=random_state,
        )
        self.monotonic_cst = monotonic_cst


class Classifier(_Small, TabularMLPClassifier):
    pass


class Regressor(_Small, TabularMLPRegressor):
    pass


def load_tests():
    """Execute a copy of scikit-learn's test module in which our classes are theirs."""
    spec = importlib.util.find_spec(TESTS)
    module = importlib.util.module_from_spec(spec)
    ours = {
        "HistGradientBoostingClassifier": Classifier,
        "HistGradientBoostingRegressor": Regressor,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, cls in ours.items():
            patch.setattr(sklearn.ensemble, name, cls)
        spec.loader.exec_module(module)
    return {name: getattr(module, name) for name in PUBLIC}


_TESTS = load_tests()
_reworded = "test_categorical_spec_errors_with_feature_names"
_mark = needs("scikit-learn>=1.8", "older ones say 'a item value'")
_TESTS[_reworded] = _mark(_TESTS[_reworded])
globals().update(_TESTS)


@pytest.fixture(autouse=True)
def different_on_purpose(request):
    """Expect that to fail which `DIFFERENT` tells of."""
    given = getattr(request.node, "callspec", None)
    given = {} if given is None else given.params
    is_numeric = given.get("Est") is Regressor  # labels are the same by chance
    if (given.get("insert_missing") and is_numeric) or given.get("monotonic_cst"):
        name = "monotonic_cst" if given.get("monotonic_cst") else "insert_missing"
        mark = pytest.mark.xfail(reason=DIFFERENT[name], strict=True)
        request.node.add_marker(mark)
