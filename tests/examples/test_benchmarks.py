"""The benchmarks run and print their tables; what they measure is not judged here."""

import gzip
import importlib
import importlib.util
import json
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from torch import nn

from sknn_deep import MLPClassifier

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmarks"
linux_only = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads /proc, which only Linux has"
)


@pytest.fixture
def load_module(monkeypatch):
    """Import files of the benchmarks, which know each other by their bare names."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module
    for name, module in list(sys.modules.items()):
        if str(BENCHMARKS) in (getattr(module, "__file__", None) or ""):
            del sys.modules[name]


@pytest.fixture
def run(load_module, capsys):
    """Run a benchmark, and return the first words of the lines that it prints."""

    def run(name, *arguments):
        load_module(name).main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        return [line.split()[0] for line in captured.out.splitlines() if line]

    return run


@pytest.fixture
def small_mnist(tmp_path):
    """A file in the format of MNIST, with little in it."""
    rng = np.random.default_rng(0)
    path = tmp_path / "mnist.npz"
    np.savez(
        path,
        x_train=rng.integers(256, size=(300, 28, 28), dtype=np.uint8),
        y_train=np.arange(300, dtype=np.uint8) % 10,
        x_test=rng.integers(256, size=(50, 28, 28), dtype=np.uint8),
        y_test=np.arange(50, dtype=np.uint8) % 10,
    )
    return path


# --- rounds -------------------------------------------------------------------------


def script(alternation, seconds):
    """Make a contender that takes the given times, one after the other."""
    times = iter(seconds)
    return lambda number: alternation.Run(next(times), accuracy=0.5)


def test_alternation_lets_another_contender_begin_each_round(load_module):
    alternation = load_module("alternation")
    order = []

    def make(name):
        return lambda number: order.append((name, number)) or alternation.Run(1.0)

    alternation.alternate({"a": make("a"), "b": make("b")}, 3)

    assert order == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]


def test_alternation_repeats_a_disturbed_round(load_module):
    alternation = load_module("alternation")
    played = alternation.alternate(
        {
            "calm": script(alternation, [1.0, 1.0, 1.0, 1.4]),
            "disturbed": script(alternation, [2.0, 3.5, 2.0, 2.2]),
        },
        3,
    )

    assert played.n_repeated == 1
    assert played.n_disturbed == 0
    assert [r["disturbed"].seconds for r in played.rounds] == [2.0, 2.2, 2.0]
    assert [r["calm"].seconds for r in played.rounds] == [1.0, 1.4, 1.0]


def test_alternation_gives_up_on_a_machine_that_does_not_calm_down(load_module):
    alternation = load_module("alternation")
    played = alternation.alternate(
        {"a": script(alternation, [1.0, 1.0, 9.0, 8.0, 7.0])}, 3, max_repeats=2
    )

    assert played.n_repeated == 2
    assert played.n_disturbed == 1
    assert [r["a"].seconds for r in played.rounds] == [1.0, 1.0, 7.0]


def test_alternation_ratio_is_the_median_of_the_ratios_of_rounds(load_module):
    alternation = load_module("alternation")
    rounds = [
        {"a": alternation.Run(a), "b": alternation.Run(b)}
        for a, b in [(1.0, 4.0), (2.0, 2.0), (3.0, 1.5)]
    ]

    assert alternation.median_ratio(rounds, "a", "b") == 1.0  # of 0.25, 1, 2
    assert alternation.median_seconds(rounds, "b") == 2.0


# --- contenders ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name", ["sknn_deep", "torch-loop", "scikit-learn", "skorch", "sknn_deep-float32"]
)
def test_contender_learns(name, dtype, load_module):
    contenders = load_module("contenders")
    task = contenders.Task(
        load_module("data").load("digits", dtype=dtype),
        hidden=(50,),
        batch_size=50,
        epochs=10,
    )

    run = contenders.FITS[name](task, 0)

    assert run.seconds > 0
    assert run.accuracy > 0.85


def test_mnist_is_downloaded_where_no_path_is_given(load_module, monkeypatch):
    data = load_module("data")
    X = np.full((10_020, 4), 255)
    y = np.repeat(["7", "3"], [20, 10_000]).astype(object)
    monkeypatch.delenv("SKNN_DEEP_MNIST", raising=False)
    monkeypatch.setattr(data, "fetch_openml", lambda *args, **kwargs: (X, y))

    mnist = data.load("mnist")

    assert [len(part) for part in mnist] == [20, 10_000, 20, 10_000]
    assert mnist.X_train.dtype == np.float32
    assert np.all(mnist.X_train == 1)
    assert np.all(mnist.y_train == 7)
    assert np.all(mnist.y_test == 3)


def test_table_is_of_the_size_and_type_asked_for(load_module):
    X, y = load_module("data").make_table(500, 30, "float64")

    assert X.shape == (500, 30)
    assert X.dtype == np.float64
    assert set(y) <= set(range(10))


# --- benchmarks ---------------------------------------------------------------------


def test_bench_fit_prints_a_line_for_each_contender(run, tmp_path):
    path = tmp_path / "fit.json"
    names = ["torch-loop", "scikit-learn", "skorch"]
    words = run(
        *("bench_fit", "--rounds", 2, "--epochs", 1, "--hidden", 8),
        *("--dtype", "float64", "--json", path, "--contenders", *names),
    )

    table = words[: words.index("load")]
    assert table[0] == "digits:"
    assert table[3:-1] == ["sknn_deep", *names]
    written = json.loads(path.read_text())
    assert written["settings"]["batch_size"] == 200
    assert [set(r) for r in written["rounds"]] == [{"sknn_deep", *names}] * 2


@pytest.mark.slow
def test_bench_fit_takes_mnist_from_a_file(run, small_mnist):
    words = run(
        *("bench_fit", "--data", "mnist", "--mnist", small_mnist, "--rounds", 1),
        *("--precision", "bfloat16", "--hidden", "--batch-size", 64),
        *("--contenders", "sknn_deep-float32"),
    )

    assert words[0] == "mnist:"
    assert "sknn_deep-float32" in words


def test_bench_fit_normalizes_where_that_is_known(run, capsys):
    options = ("bench_fit", "--rounds", 1, "--epochs", 1, "--normalization", "batch")

    assert run(*options)[3:6] == ["sknn_deep", "torch-loop", "skorch"]
    with pytest.raises(SystemExit):
        run(*options, "--contenders", "scikit-learn")
    assert "not known to scikit-learn" in capsys.readouterr().err


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_networks_by_hand_are_normalized_as_ours_are(load_module, normalization):
    contenders = load_module("contenders")
    iris = load_module("data").load("iris")
    task = contenders.Task(iris, (5, 4), 50, 1, normalization=normalization)
    ours = MLPClassifier((5, 4), max_iter=1, normalization=normalization)
    contenders.fit_quietly(ours, iris.X_train, iris.y_train)

    def kinds(network):
        return [
            kind
            for module in network.modules()
            for kind in (nn.Linear, nn.BatchNorm1d, nn.LayerNorm, nn.ReLU)
            if isinstance(module, kind)
        ]

    by_hand = kinds(contenders.make_network(task))
    assert len(by_hand) == 7
    assert by_hand == kinds(ours.net_.module_)


@pytest.mark.cuda
def test_bench_fit_replays_a_cuda_graph(run):
    names = ["torch-loop", "cuda-graph"]
    words = run("bench_fit", "--rounds", 1, "--epochs", 2, "--contenders", *names)

    assert words[3:6] == ["sknn_deep", *names]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_bench_fit_knows_keras(backend, run):
    for module in ("keras", backend):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    name = f"keras-{backend}"

    assert name in run("bench_fit", "--rounds", 1, "--epochs", 1, "--contenders", name)


@pytest.mark.slow
def test_bench_sparse_prints_a_line_for_each_task(run):
    words = run("bench_sparse", "--n-rows", 100, "--n-features", 500, "--rounds", 1)

    assert words[3:5] == ["fit", "predict_proba"]


@pytest.mark.slow
@linux_only
def test_bench_predict_prints_a_line_for_each_contender(run):
    words = run("bench_predict", "--n-rows", 2_000, "--rounds", 1)

    assert words[3:5] == ["sknn_deep", "scikit-learn"]


def test_bench_calls_prints_a_line_for_each_call(run, load_module, monkeypatch):
    bench_calls = load_module("bench_calls")
    monkeypatch.setattr(bench_calls, "N_ROWS", 3)
    monkeypatch.setattr(load_module("alternation"), "PAUSE", 0)

    words = run("bench_calls", "--rounds", 1, "--share", 0.01)

    assert words[2:-1] == [
        "predict_proba",
        "predict",
        "partial_fit",
        "fit",
        "fit",
        "rows",
    ]


def test_bench_import_prints_both_statements(run, load_module, monkeypatch):
    bench_import = load_module("bench_import")
    # The real ones take seconds.
    for name in bench_import.STATEMENTS:
        monkeypatch.setitem(bench_import.STATEMENTS, name, f"pass  # {name}")

    words = run("bench_import", "--processes", 1)

    assert words.count("pass") == 2


@pytest.mark.slow
@linux_only
def test_bench_step_prints_the_parts_of_a_step(run):
    words = run("bench_step", "--rounds", 1, "--batch-sizes", 200)

    table = words[: words.index("load")]
    parts = ["gather", "forward", "loss", "backward", "penalty", "update"]
    assert table[-8:] == [*parts, "around", "whole"]


@pytest.mark.slow
def test_bench_epochs_prints_a_line_for_each_length(run, tmp_path):
    path = tmp_path / "epochs.json"
    words = run(
        *("bench_epochs", "--epochs", 2, 4, "--calls", 1, 3, "--rounds", 1),
        *("--json", path),
    )

    assert words[3:7] == ["2", "4", "1", "3"]
    seconds = json.loads(path.read_text())["seconds"]
    assert len(seconds) == 8
    assert "sknn_deep, 4 epochs" in seconds and "scikit-learn, 3 calls" in seconds
    assert all(times[0] > 0 for times in seconds.values())


@pytest.mark.slow
def test_bench_memory_prints_a_line_for_each_contender(run, tmp_path):
    path = tmp_path / "memory.json"
    words = run("bench_memory", "--gigabytes", 0.01, "--json", path)

    assert words[2:] == ["sknn_deep"]
    sizes = json.loads(path.read_text())["n_bytes"]["sknn_deep"]
    assert sizes["X"] == 10_000_000
    assert sizes["peak"] > sizes["after import"] + sizes["X"]


@pytest.mark.slow
@linux_only
def test_bench_mapped_prints_memory_and_shuffles(run, small_mnist, tmp_path):
    path = tmp_path / "mapped.json"
    words = run(
        *("bench_mapped", "--gigabytes", 0.01, "--mnist", small_mnist, "--epochs", 1),
        *("--blocks", 4, "--json", path),
    )

    assert words.count("as") == words.count("sorted") == 3  # one full, two of blocks
    assert json.loads(path.read_text())["memory"]["File (MB)"] == 10


@pytest.mark.slow
def test_bench_scaling_draws_three_curves(run, tmp_path):
    picture = tmp_path / "scaling.png"
    words = run(
        *("bench_scaling", "--rounds", 1, "--n-rows", 500, "--widths", 4),
        *("--batch-sizes", 2_000, "--output", picture),
    )

    assert words[:3] == ["Rows", words[1], "500"]
    assert words.count("Rows") == 2  # rows, and rows per batch
    assert "Units" in words
    assert matplotlib.image.imread(picture).ndim == 3


@pytest.mark.slow
def test_bench_autoencoder_compares_times_and_errors(run, small_mnist):
    words = run(
        *("bench_autoencoder", "--mnist", small_mnist, "--epochs", 1, "--rounds", 1)
    )

    assert words[:3] == ["784-128-32-8-2,", "s/epoch", words[2]]
    assert {"sknn_deep", "torch-loop"} <= set(words)


@pytest.mark.slow
def test_bench_ensemble_compares_one_and_five(run, small_mnist):
    words = run("bench_ensemble", "--epochs", 1, "--rounds", 1, "--mnist", small_mnist)

    assert words.count("one") == 1 and words.count("one,") == 1
    assert words.count("ensemble") == 2


@pytest.mark.slow
def test_bench_search_compares_searches_and_draws_them(run, tmp_path):
    picture = tmp_path / "search.png"
    words = run(
        *("bench_search", "--grid", "seeds", "--epochs", 1, "--rounds", 1),
        *("--n-alphas", 1, "--output", picture, "--json", tmp_path / "search.json"),
    )

    assert {"batched", "one", "n_jobs=2", "scikit-learn,", "Picture:"} <= set(words)
    assert matplotlib.image.imread(picture).std() > 0
    content = json.loads((tmp_path / "search.json").read_text())
    assert set(content["curves"]) == {"3", "6", "12", "24"}


@pytest.mark.slow
def test_bench_halving_finds_the_same_winner_and_rounds(capsys, load_module):
    load_module("bench_halving").main(["--epochs", "6", "--rounds", "1"])

    assert "same winner and rounds: True" in capsys.readouterr().out


@pytest.mark.slow
def test_bench_optuna_compares_both_searches(run):
    pytest.importorskip("optuna_integration")
    words = run(*("bench_optuna", "--epochs", 2, "--trials", 4, "--rounds", 1))

    assert {"batched", "optuna-integration"} <= set(words)


@pytest.mark.slow
def test_bench_sooner_draws_a_curve_for_each_training(run, small_mnist, tmp_path):
    picture, numbers = tmp_path / "sooner.png", tmp_path / "sooner.json"
    run(
        *("bench_sooner", "--mnist", small_mnist, "--epochs", 1),
        *("--output", picture, "--json", numbers),
    )

    assert matplotlib.image.imread(picture).std() > 0
    curves = json.loads(numbers.read_text())["curves"]
    assert {"scikit-learn", "sknn_deep, default", "sknn_deep, one-cycle"} <= set(curves)


@pytest.mark.slow
def test_bench_neighbors_compares_codes_and_searches(run, small_mnist):
    words = run(
        *("bench_neighbors", "--mnist", small_mnist, "--max-iter", 1, "--seeds", 1),
        *("--contenders", "neighbors", "plain"),
    )

    assert {"5-NN", "neighbors", "plain", "load"} <= set(words)
    words = run(
        *("bench_neighbors", "--mnist", small_mnist, "--max-iter", 1, "--seeds", 1),
        *("--contenders", "neighbors", "--same-images"),
    )
    assert {"10-NN", "neighbors", "load"} <= set(words)


@pytest.mark.slow
def test_bench_neighbors_tables_compares_weights(run):
    words = run(
        *("bench_neighbors_tables", "--data", "digits", "--max-iter", 1),
        *("--seeds", 1),
    )

    assert words[0] == "digits:"
    assert {"PCA", "neighbors_weight=0.0", "neighbors_weight=1.0"} <= set(words)


@pytest.mark.slow
def test_bench_onecycle_prints_both_ways(run, small_mnist):
    words = run(
        *("bench_onecycle", "--mnist", small_mnist, "--epochs", 1, "--seeds", 1),
        *("--timed-epochs", 1, "--reference", "torch-loop"),
    )

    assert words[2:4] == ["one_cycle", "torch-loop"]


@pytest.mark.parametrize(
    "path", sorted(BENCHMARKS.glob("bench_*.py")), ids=lambda p: p.stem
)
def test_benchmark_help_says_how_to_run_it(path, load_module, capsys):
    with pytest.raises(SystemExit) as stopped:
        load_module(path.stem).main(["--help"])

    assert stopped.value.code == 0
    assert f"python examples/benchmarks/{path.name}" in capsys.readouterr().out


@pytest.mark.slow
def test_bench_tables_prints_a_line_for_each_contender(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        f"{x:.3f},{c},{int(x > 0)}"
        for x, c in zip(rng.normal(size=60), "ab" * 30, strict=True)
    ]
    text = "\n".join(["number,letter,credit_risk", *rows])
    with gzip.open(tmp_path / "german.csv.gz", "wt") as file:
        file.write(text)
    path = tmp_path / "out.json"

    words = run(
        *("bench_tables", "--tables", "german", "--folder", tmp_path, "--seeds", 1),
        *("--epochs", 2, "--json", path, "--output", tmp_path / "errors.png"),
    )

    assert words.count("german") == 3
    assert matplotlib.image.imread(tmp_path / "errors.png").std() > 0
    figures = json.loads(path.read_text())["tables"]["german"]["sknn_deep"]
    assert 0 <= figures["error"] <= 1 and figures["cpu_seconds"] > 0


@pytest.mark.slow
def test_bench_own_network_prints_a_line_for_each_contender(run, small_mnist):
    options = ("bench_own_network", "--mnist", small_mnist, "--batch-size", 50)
    words = run(*options, "--rows", 100, "--epochs", 1, "--rounds", 1)

    assert words[2:5] == ["sknn_deep", "torch-loop", "skorch"]
    words = run(*options, "--network", "mlp", "--epochs", 1, "--accuracy", 2)
    assert words[0] == "mean"


@pytest.mark.slow
def test_bench_conv_autoencoder_prints_a_line_for_each_fit(run, small_mnist):
    words = run("bench_conv_autoencoder", "--mnist", small_mnist, "--epochs", 1)

    assert words[2:4] == ["dense,", "convolutional,"]
