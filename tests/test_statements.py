"""What users of peer packages met, and what must never happen here.

Tests that hold to one of these statements are marked by its number, as
``@pytest.mark.must_never("B17")``, and the statement stands beside the first of a file.
All of them run by ``pytest -m must_never``.
"""

import re
from pathlib import Path

TESTS = Path(__file__).parent

# Statements without a test of their own, and why.
ELSEWHERE = {
    "B21": "the checks are run in test_check_estimator.py",
    "B65": "a ratio of times depends on the machine's load: examples/benchmarks has it",
    "B66": "a ratio of times too: examples/benchmarks has it",
}


def test_every_statement_is_tested_or_listed():
    tested = set()
    for path in TESTS.rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        marks = re.findall(r'^@pytest\.mark\.must_never\("(B\d\d)"\)$', text, re.M)
        tested |= set(marks)
        stated = re.findall(r"^# (B\d\d): ", text, re.M)
        assert stated == list(dict.fromkeys(marks)), path
    every = {f"B{i:02d}" for i in range(1, 68)}

    assert tested | set(ELSEWHERE) == every
    assert not tested & set(ELSEWHERE)
