"""Damaged and forged files are refused, whatever is in them."""

import json
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

import sknn_deep
from sknn_deep import MLPClassifier, load, save
from sknn_deep.persistence import ModelFileError
from tests.persistence import damaged_files
from tests.persistence.damaged_files import change_document, peak_bytes, write_document

ROOT = Path(__file__).resolve().parents[2]
# The number of files, and the seed that they are made with.
N_FILES = os.environ.get("SKNN_DEEP_DAMAGED_FILES", "200")
SEED = os.environ.get("SKNN_DEEP_DAMAGED_FILES_SEED", "0")


KINDS = {"ours": ("ours", N_FILES), "own": ("own", "60")}
KINDS["many own"] = ("own", "1000")


@pytest.fixture(
    scope="module",
    params=["ours", "own", pytest.param("many own", marks=pytest.mark.slow)],
)
def outcome(request):
    """What happened to many damaged files, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", damaged_files.__name__, *KINDS[request.param], SEED],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_damaged_files_load_the_same_or_are_refused(outcome):
    n_files = sum(outcome["outcomes"].values())
    assert n_files in (60, 1000, int(N_FILES))
    assert outcome["unclean"] == []
    assert not any("loaded, others" in name for name in outcome["outcomes"])
    # Of the forged ones, whose digest is right, many must have come to the decoder.
    assert outcome["outcomes"]["forge: loaded"] > n_files / 40


def test_damaged_files_run_no_code(outcome):
    assert outcome["events"] == []


def test_damaged_files_take_no_time_and_no_memory(outcome):
    assert outcome["slowest_seconds"] < 10
    if outcome["most_MB_above_twice_the_file"] is not None:
        assert outcome["most_MB_above_twice_the_file"] < 50


# --- forged on purpose ----------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    X = np.random.RandomState(0).uniform(size=(30, 3))
    clf = MLPClassifier((4,), max_iter=1, learning_rate="cosine", random_state=0)
    save(clf.fit(X, np.arange(30) % 3), tmp_path / "clf.sknn")
    return tmp_path / "clf.sknn"


def refusal_of(path):
    with pytest.raises(ModelFileError) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path} cannot be loaded: ")
    return str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04N.", b"PK\x03\x04" * 10, b"{}" * 9])
def test_load_refuses_files_of_other_kinds(content, tmp_path):
    (tmp_path / "other").write_bytes(content)

    refusal_of(tmp_path / "other")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_load_says_what_reads_a_pickle(protocol, tmp_path):
    clf = MLPClassifier(random_state=0)
    joblib.dump(clf, tmp_path / "clf.joblib", protocol=protocol)
    (tmp_path / "clf.pkl").write_bytes(pickle.dumps(clf, protocol=protocol))

    for name in ("clf.joblib", "clf.pkl"):
        assert refusal_of(tmp_path / name) == (
            f"{tmp_path / name} cannot be loaded: it is a pickle, which may run any "
            "code: of a file that you trust, joblib.load or pickle.load reads what "
            "joblib.dump or pickle.dump wrote."
        )


def test_load_refuses_another_version(path):
    data = path.read_bytes()
    assert data.count(b'"version":"1"') == 1
    path.write_bytes(data.replace(b'"version":"1"', b'"version":"2"'))

    assert "format version '2'" in refusal_of(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_load_does_not_wait_for_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert "not a regular file" in refusal_of(tmp_path / "pipe")


def test_load_of_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing.sknn")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"class":"MLPClassifier"', b'"class":"OtherClassifier"', "OtherClassifier"),
        (b'"kind":"Recipe"', b'"kind":"Popen"', "unknown type 'Popen'"),
        (b'"t_":', b'"predict":', "sets 'predict' of MLPClassifier"),
        (b'"t_":', b'"__class__":', "sets '__class__' of MLPClassifier"),
        (b'"alpha":', b'"beta":', "lacks parameters of MLPClassifier"),
        (b'"alpha":0.0001', b'"alpha":-1', "'alpha' parameter"),
        (b'"name":"0"', b'"name":"1"', "refers to an array twice"),
        (b'"module":"MLP"', b'"module":"Popen"', "Popen"),
    ],
    ids=str,
)
def test_load_refuses_what_save_does_not_write(old, new, reason, path):
    change_document(path, old, new)

    assert reason in refusal_of(path)


@pytest.mark.parametrize(
    "units", [b"3,4000000000,3", b"4,4,3", b"3" + b",4" * 99 + b",3"]
)
def test_load_refuses_another_network_before_it_is_made(units, path):
    change_document(path, b"[3,4,3]", b"[" + units + b"]")

    assert "its weights are not those" in refusal_of(path)


def test_load_refuses_the_optimizer_of_another_network(path):
    X = np.random.RandomState(0).uniform(size=(30, 3))
    clf = MLPClassifier((4,), random_state=0)
    clf.partial_fit(X, np.arange(30) % 3, classes=[0, 1, 2])
    parameters = clf.net_.optimizer_.param_groups[0]["params"]
    state = clf.net_.optimizer_.state
    state[parameters[0]], state[parameters[1]] = (state[p] for p in parameters[1::-1])
    save(clf, path)

    assert "its optimizer is not that of its network" in refusal_of(path)


@pytest.mark.parametrize(
    "document",
    [
        b"[" * 200_000 + b"]" * 200_000,
        b"[" + b"[]," * 2_000_000 + b"1]",
        b"[" + b'{"kind":1},' * 500_000 + b"1]",
        b'["' + b"a" * 2**24 + b'\\ud83d\\ude00"]',
        b"[" + b"1e999," * 3_000_000 + b"1]",
        b"9" * 100_000,
        b"[" + b"[]," * 499_000 + b"1]",
        b"[" + b'"ab",' * 299_000 + b"1]",
    ],
    ids=[
        "deep",
        "lists",
        "dicts",
        "wide",
        "numbers",
        "digits",
        "as many lists as may be",
        "as many words as may be",
    ],
)
def test_load_refuses_large_documents_within_the_memory(document, path):
    write_document(path, document)
    before, start = peak_bytes(reset=True), time.perf_counter()

    refusal_of(path)

    assert time.perf_counter() - start < 10
    if before is not None:
        assert peak_bytes() - before < 2 * path.stat().st_size + 50 * 2**20


MEASURE = """
import sys, sknn_deep
from pathlib import Path
from tests.persistence.damaged_files import peak_bytes
small, large = map(Path, sys.argv[1:])
sknn_deep.load(small)  # imports what is imported later
before = peak_bytes(reset=True)
model = sknn_deep.load(large)
print(0 if before is None else peak_bytes() - before)
"""


def test_load_of_a_large_model_takes_its_memory_once(path):
    X = np.random.RandomState(0).uniform(size=(10, 2000))
    clf = MLPClassifier((2000, 2), random_state=0)
    large = path.with_name("large.sknn")
    save(clf.partial_fit(X, np.arange(10) % 3, classes=[0, 1, 2]), large)

    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path, large],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    # The weights and the two means of Adam's; the rest is what Python took.
    size = large.stat().st_size
    assert size > 3 * 8 * 2000**2
    assert int(done.stdout) < 1.2 * size + 10 * 2**20


def test_error_is_a_value_error_that_can_be_caught_by_name():
    assert issubclass(ModelFileError, ValueError)
    assert re.match(r"sknn_deep\.persistence", ModelFileError.__module__)
    assert sknn_deep.persistence.ModelFileError is ModelFileError
