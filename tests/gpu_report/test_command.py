"""The command, as a user runs it, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sknn_deep
from sknn_deep.gpu_report import __main__ as command
from sknn_deep.gpu_report._list import list_checks
from sknn_deep.gpu_report._machine import find_driver
from sknn_deep.gpu_report._outcome import Comparison, Outcome
from sknn_deep.gpu_report._processes import Plan

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    environment = {k: v for k, v in os.environ.items() if k != "SKNN_DEEP_MNIST"}
    return subprocess.run(
        [sys.executable, "-m", "sknn_deep.gpu_report", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Run all of it once; give the process, the table and the content of the JSON."""
    name = tmp_path_factory.mktemp("report") / "gpu.2"
    done = run("--device", "cpu", "--output", name)
    assert done.returncode == 0, done.stderr
    table, content = (Path(f"{name}.{kind}").read_text() for kind in ("md", "json"))
    return done, table, json.loads(content)


def test_every_check_that_a_cpu_can_do_holds(report):
    _, _, content = report
    outcomes = [Outcome.from_dict(one) for one in content["outcomes"]]
    checks = list_checks(is_quick=True)

    assert [(o.part, o.name) for o in outcomes] == [(c.part, c.name) for c in checks]
    for outcome, check in zip(outcomes, checks, strict=True):
        assert outcome.status == ("skipped" if check.needs_cuda else "ok"), outcome
        assert outcome.warnings == []


def test_table_goes_to_the_screen_and_to_a_file(report):
    done, table, _ = report

    assert done.stdout == table
    assert "| captured graph | adam |  |  | skipped: needs CUDA |" in table
    assert "| fit | classifier, adam | training loss: 0 | at most 1e-08 | ok |" in table
    assert "fit of 4 epochs, 4000 of images like MNIST, batch 2048" in table
    assert "fit, classifier, adam: ok (" in done.stderr
    assert "captured graph, adam: skipped (0.0 s)\n    needs CUDA\n" in done.stderr


def test_report_says_where_it_ran(report):
    _, table, content = report

    assert content["machine"]["device"] == "cpu"
    assert content["machine"]["sknn_deep"] == sknn_deep.__version__
    assert f"sknn_deep {sknn_deep.__version__}, torch " in table


@pytest.mark.slow
def test_a_device_that_is_not_there_is_an_error():
    done = run("--device", "cuda:99")

    assert done.returncode == 1
    assert (
        "| start |  |  |  | error: The process ended with the exit code 1. ValueError: "
        "The report was asked for device='cuda:99'"
    ) in done.stdout
    assert "The report was asked for device='cuda:99'" in done.stderr


@pytest.mark.parametrize(
    "status, code", [("ok", 0), ("skipped", 0), ("differs", 1), ("error", 1)]
)
def test_exit_code_tells_of_failures(status, code, monkeypatch, capsys):
    outcomes = [
        Outcome("fit", name, each, [Comparison("loss", 0.0, 0.1)], message="a reason")
        for name, each in {"adam": "ok", "sgd": status}.items()
    ]
    monkeypatch.setattr(command, "run_plan", lambda plan, on_outcome: ({}, outcomes))

    assert command.main([]) == code
    assert "| fit | adam |" in capsys.readouterr().out


def test_arguments_become_a_plan(monkeypatch, tmp_path, capsys):
    mnist = tmp_path / "mnist.npz"
    mnist.touch()
    plans = []
    monkeypatch.setattr(
        command, "run_plan", lambda plan, on_outcome: (plans.append(plan), ({}, []))[1]
    )
    monkeypatch.setenv("SKNN_DEEP_MNIST", str(mnist))

    command.main(["--device", "cuda:1", "--quick", "--seconds", "60"])
    monkeypatch.delenv("SKNN_DEEP_MNIST")
    command.main([])
    command.main(["--mnist", str(mnist)])

    assert plans == [
        Plan("cuda:1", True, mnist, 60.0),
        Plan(),
        Plan(mnist=mnist),
    ]


def test_mnist_that_is_not_there_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        command.main(["--mnist", str(tmp_path / "mnist.npz")])

    assert f"there is no file {tmp_path / 'mnist.npz'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "script, driver",
    [
        ("echo 575.57.08; echo 575.57.08", "575.57.08"),
        ("echo no devices; exit 6", None),
        ("exec sleep 60", "nvidia-smi does not answer"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the tool is a shell script here")
def test_driver_is_asked_for(script, driver, monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("sknn_deep.gpu_report._machine._DRIVER_SECONDS", 2.0)

    assert find_driver() == driver
