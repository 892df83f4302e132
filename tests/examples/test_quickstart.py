"""The first file that a user runs."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

ROOT = Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples" / "quickstart.py"

N_DIGITS = {"digits": (1_437, 360), "mnist": (60_000, 10_000)}


@pytest.fixture
def run_quickstart(tmp_path):
    """Run the example in an empty folder, with warnings as errors."""

    def run(*arguments):
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        return subprocess.run(
            [sys.executable, "-W", "error", QUICKSTART, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path.rstrip(os.pathsep)},
            capture_output=True,
            encoding="utf-8",
        )

    return run


def read_accuracy(stdout, *, data, picture):
    """Hold stdout to what the example says, and return the test accuracy in it."""
    n_train, n_test = N_DIGITS[data]
    expected = (
        rf"{n_train:,} digits to train on, {n_test:,} to test on\.\n\n"
        r'Model: "MLPClassifier"\n(?s:.+)\nTotal params: (?s:.+)\n\n'
        rf"Test accuracy: (\d\.\d{{4}})\nPicture: {re.escape(picture)}\n"
    )
    match = re.fullmatch(expected, stdout)
    assert match, stdout
    return float(match.group(1))


def test_quickstart_learns_digits_and_draws_them(run_quickstart, tmp_path):
    done = run_quickstart()

    assert done.returncode == 0, done.stderr
    accuracy = read_accuracy(done.stdout, data="digits", picture="quickstart.png")
    assert accuracy >= 0.97
    assert [path.name for path in tmp_path.iterdir()] == ["quickstart.png"]
    height, width, _ = matplotlib.image.imread(tmp_path / "quickstart.png").shape
    assert width > height > 300
    # A progress bar, and nothing else.
    updates = [line for line in re.split(r"[\r\n]", done.stderr) if line.strip()]
    assert [line for line in updates if "epoch" not in line] == []
    assert "30/30" in updates[-1]
    assert "loss=" in updates[-1]


def test_quickstart_learns_mnist(run_quickstart, mnist_path, tmp_path):
    done = run_quickstart(
        *("--data", "mnist", "--mnist", str(mnist_path)),
        *("--epochs", "15", "--output", "mnist.png"),
    )

    assert done.returncode == 0, done.stderr
    accuracy = read_accuracy(done.stdout, data="mnist", picture="mnist.png")
    assert accuracy >= 0.975
    assert (tmp_path / "mnist.png").is_file()


def test_quickstart_refuses_a_path_of_mnist_for_digits(capsys):
    main = runpy.run_path(str(QUICKSTART))["main"]

    with pytest.raises(SystemExit) as stopped:
        main(["--mnist", "mnist.npz"])

    assert stopped.value.code == 2
    assert "--mnist PATH is for --data mnist" in capsys.readouterr().err
