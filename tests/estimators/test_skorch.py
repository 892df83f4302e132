"""skorch's own tests of its classifiers and its regressor, with this package's classes.

They are renamed by `RENAMED`, as the page on coming from skorch tells a user to, and
the defaults of skorch that are others here are passed (`DEFAULTS`).
"""

import functools
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from skorch.tests.conftest import (  # noqa: F401
    classifier_data,
    classifier_module,
    multioutput_regression_data,
    regression_data,
    seeds_fixed,
)
from torch import nn

from sknn_deep import NetClassifier, NetRegressor
from tests.requirements import needs

RENAMED = [
    # As pytest 9 wants it.
    (r"(scope='module'\)\n    )def (\w+)\(self", r"\1@classmethod\n    def \2(cls"),
    (r"from skorch(\.classifier)? import NeuralNet\w+", "pass"),
    (r"return (NeuralNet(Binary)?(Classifier|Regressor))$", r"return DEFAULTS['\1']"),
    (r"(?<![\w'])NeuralNet(Binary)?(Classifier|Regressor)", r"Net\2"),
    (
        r"from skorch.exceptions import NotInit",
        "from sklearn.exceptions import NotInit",
    ),
    (r"NotInitializedError", "NotFittedError"),
    (r"not initialized ", "not fitted "),
    (r"'initialize' or 'fit'", "'fit'"),
    (r"this method", "this estimator"),
    (r"max_epochs=0", "max_iter=1"),
    (r"max_epochs", "max_iter"),
    (r"\blr=", "learning_rate_init="),
    (r"optimizer=torch.optim.Adam", "solver='adam'"),
    (r"train_split=False", "early_stopping=False"),
    (r"train_split=ValidSplit\(3, stratified=False\)", "validation_fraction=1 / 3"),
    (r"\.history\b", ".net_.history"),
    (r"valid_acc", "valid_score"),
]
# Defaults of skorch that are others here.
_DEFAULTS = {
    "solver": "sgd",
    "learning_rate_init": 0.01,
    "momentum": 0.0,
    "alpha": 0.0,
    "max_iter": 10,
    "batch_size": 128,
    "shuffle": False,
    "early_stopping": True,
    "validation_fraction": 0.2,
    "n_iter_no_change": float("inf"),
}
DEFAULTS = {
    "NeuralNetClassifier": functools.partial(
        NetClassifier, criterion=nn.NLLLoss, **_DEFAULTS
    ),
    "NeuralNetBinaryClassifier": functools.partial(NetClassifier, **_DEFAULTS),
    "NeuralNetRegressor": functools.partial(NetRegressor, **_DEFAULTS),
}

# What is otherwise here, by the tests that cannot hold because of it.
DIFFERENCES = {
    "there is no network before fit, and no initialize": [
        "TestNeuralNet.test_takes_log_with_nllloss",
        "TestNeuralNet.test_takes_no_log_without_nllloss",
    ],
    "as many outputs as the loss needs are asked for": [
        "TestNeuralNet.test_non_binary_classes_set_by_default",
        "TestNeuralNet.test_classes_data_torch_tensor",
        "TestNeuralNet.test_classes_with_gaps",
    ],
    "classes are those of y, or are passed to partial_fit": [
        "TestNeuralNet.test_pass_classes_explicitly_overrides",
        "TestNeuralNet.test_pass_empty_classes_raises",
    ],
    "X is an array, and no torch Dataset": [
        "TestNeuralNet.test_classes_are_set_with_tensordataset_explicit_y",
        "TestNeuralNet.test_classes_are_set_with_tensordataset_implicit_y",
        "TestNeuralNet.test_error_when_classes_could_not_be_inferred",
        "TestNeuralNetBinaryClassifier.test_fit_with_dataset_and_y_none",
    ],
    "forward and forward_iter are methods of net_": [
        "TestNeuralNetBinaryClassifier.test_not_init_raises[forward]",
        "TestNeuralNetBinaryClassifier.test_not_init_raises[forward_iter]",
        "TestNeuralNetRegressor.test_not_init_raises[forward]",
        "TestNeuralNetRegressor.test_not_init_raises[forward_iter]",
    ],
    "a regressor has no predict_proba": [
        "TestNeuralNetRegressor.test_not_init_raises[predict_proba]",
        "TestNeuralNetRegressor.test_predict_predict_proba",
    ],
    "a threshold other than 0.5 is that of FixedThresholdClassifier": [
        *(
            f"TestNeuralNetBinaryClassifier.test_predict_predict_proba[{threshold}]"
            for threshold in (0, 0.25, 0.75, 1)
        ),
        "TestNeuralNetBinaryClassifier.test_predict_with_bceloss",
    ],
    "what turns outputs into probabilities follows from the loss": [
        "TestNeuralNetBinaryClassifier.test_custom_loss_does_not_call_sigmoid",
        "TestNeuralNetBinaryClassifier.test_default_loss_does_call_sigmoid",
    ],
    "a softmax in the end is refused": [
        "TestNeuralNetBinaryClassifier.test_module_output_not_1d",
        "TestNeuralNetBinaryClassifier.test_module_output_2d_raises",
    ],
    "a column y is taken for a vector": [
        "TestNeuralNetBinaryClassifier.test_target_2d_raises",
        "TestNeuralNetRegressor.test_dimension_mismatch_warning",
    ],
}
REASONS = {test: reason for reason, tests in DIFFERENCES.items() for test in tests}


def load_tests(name):
    """Execute a test module of skorch in which names are ours."""
    spec = importlib.util.find_spec(f"skorch.tests.{name}")
    source = Path(spec.origin).read_text()
    for theirs, ours in RENAMED:
        source = re.sub(theirs, ours, source, flags=re.MULTILINE)
    module = ModuleType(f"{__name__}.{name}")
    module.DEFAULTS = DEFAULTS
    exec(compile(source, spec.origin, "exec"), vars(module))
    return {k: v for k, v in vars(module).items() if k.startswith("Test")}


# skorch lets these pass.
pytestmark = [
    needs("skorch>=1.4", "the tests that fail are those of that version"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
]

globals().update(load_tests("test_classifier") | load_tests("test_regressor"))


PAGE = Path(__file__).resolve().parents[2] / "docs/user_guide/coming_from_skorch.md"


def test_each_difference_is_on_the_page():
    page = PAGE.read_text(encoding="utf-8")

    assert [difference for difference in DIFFERENCES if difference not in page] == []


@pytest.fixture(autouse=True)
def what_cannot_hold(request):
    name = f"{getattr(request.cls, '__name__', '')}.{request.node.name}"
    reason = REASONS.get(name, REASONS.get(name.partition("[")[0]))
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
