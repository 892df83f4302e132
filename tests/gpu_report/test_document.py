"""The table and the JSON that the report writes."""

import json
import math

from sknn_deep.gpu_report._document import format_json, format_markdown
from sknn_deep.gpu_report._outcome import Comparison, Outcome, Timing

MACHINE = {"device": "cuda:0", "GPU": "GPU | X", "driver": None}
RIGHT, EXACT = Comparison("loss", 2e-9, 1e-8), Comparison("graphs, off from 2", 0, 0)
WRONG = Comparison("prediction", math.nan, 1e-8)
OUTCOMES = [
    Outcome("fit", "adam", "ok", [EXACT, Comparison("x", 1e-9, 1e-8), RIGHT]),
    Outcome(
        "fit", "sgd", "differs", [EXACT, RIGHT, WRONG], warnings=["UserWarning: a"]
    ),
    Outcome("graph", "all", "ok", [EXACT]),
    Outcome("rows", "sent", "skipped", message="needs CUDA"),
    Outcome("fit", "lbfgs", "error", message="Traceback\n  ...\nRuntimeError: a | b\n"),
    Outcome("fit", "rmsprop", "error", message="It hung.\nloading\nwaiting"),
    Outcome(
        "time", "large", "differs", [WRONG], [Timing("epoch", 0.0123, "CPU", 1.23)]
    ),
]


def test_table_shows_what_matters_most_of_each_check():
    assert format_markdown(MACHINE, OUTCOMES) == (
        "Machine: device cuda:0, GPU GPU | X.\n"
        "\n"
        "| Part | What | Measured | Beside | Result |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| fit | adam | loss: 2e-09 | at most 1e-08 | ok |\n"
        "| fit | sgd | prediction: nan | at most 1e-08 | differs, 1 warning(s) |\n"
        "| graph | all | graphs, off from 2: 0 | at most 0 | ok |\n"
        "| rows | sent |  |  | skipped: needs CUDA |\n"
        "| fit | lbfgs |  |  | error: RuntimeError: a \\| b |\n"
        "| fit | rmsprop |  |  | error: It hung. waiting |\n"
        "| time | epoch | 12.3 ms | 1.23 s CPU | 0.01 times as long |\n"
        "| time | large | prediction: nan | at most 1e-08 | differs |\n"
        "\n"
        "2 ok, 2 differs, 2 error, 1 skipped.\n"
    )


def test_table_of_an_unknown_machine():
    outcomes = [Outcome("start", "", "error", message="")]

    assert format_markdown({}, outcomes).splitlines() == [
        "Machine: unknown.",
        "",
        "| Part | What | Measured | Beside | Result |",
        "| --- | --- | --- | --- | --- |",
        "| start |  |  |  | error: unknown |",
        "",
        "0 ok, 0 differs, 1 error, 0 skipped.",
    ]


def test_json_has_all_and_is_strict():
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    content = json.loads(format_json(MACHINE, OUTCOMES), parse_constant=refuse)

    assert content["machine"] == MACHINE
    assert [one["status"] for one in content["outcomes"]] == [
        outcome.status for outcome in OUTCOMES
    ]
    assert content["outcomes"][1]["comparisons"][1:] == [
        {"what": "loss", "difference": 2e-9, "tolerance": 1e-8},
        {"what": "prediction", "difference": "nan", "tolerance": 1e-8},
    ]
    assert content["outcomes"][6]["timings"][0]["beside"] == "CPU"
