"""The summary against Keras' numbers of parameters."""

from html.parser import HTMLParser
from itertools import pairwise

import pytest
import torch

from sknn_deep.modules import MLP, Autoencoder, summarize


def make_mlp(units, dropout=0.0, activation="relu", **options):
    n_hidden = len(units) - 2
    return MLP(
        units,
        activations=[activation] * n_hidden,
        dropout=[dropout] * n_hidden,
        **options,
    )


def test_summary_of_the_lectures_network_has_keras_numbers():
    summary = summarize(make_mlp((784, 128, 64, 10)), "MLPClassifier")

    # As printed by Keras' model.summary() for three Dense layers.
    dense = [layer for layer in summary.layers if layer.kind == "Dense"]
    assert [layer.n_parameters for layer in dense] == [100_480, 8_256, 650]
    assert [layer.output_shape for layer in dense] == [
        (None, 128),
        (None, 64),
        (None, 10),
    ]
    assert "Total params: 109,386 (427.29 KB)" in str(summary)
    assert "Trainable params: 109,386" in str(summary)
    assert "Non-trainable params: 0" in str(summary)
    assert repr(summary) == str(summary)  # as a prompt shows it


@pytest.mark.parametrize("units", [(4, 3), (5, 1, 2), (784, 128, 64, 10)])
def test_summary_dense_layer_from_m_to_n_units_has_m_plus_one_times_n(units):
    module = make_mlp(units)

    summary = summarize(module, "Net")

    expected = [(m + 1) * n for m, n in pairwise(units)]
    dense = [layer for layer in summary.layers if layer.kind == "Dense"]
    assert [layer.n_parameters for layer in dense] == expected
    assert summary.n_parameters == sum(layer.n_parameters for layer in summary.layers)
    assert summary.n_parameters == sum(p.numel() for p in module.parameters())


def test_summary_lists_the_parts_in_the_order_of_the_data():
    module = make_mlp((4, 8, 6, 3), dropout=0.5, normalization="layer")

    summary = summarize(module, "Net")

    assert [layer.name for layer in summary.layers] == [
        "dense_1",
        "layernorm_1",
        "relu_1",
        "dropout_1",
        "dense_2",
        "layernorm_2",
        "relu_2",
        "dropout_2",
        "dense_3",
    ]
    assert [layer.output_shape[1] for layer in summary.layers] == [8] * 4 + [6] * 4 + [
        3
    ]


def test_summary_of_an_autoencoder_goes_through_encoder_and_decoder():
    module = Autoencoder(
        (6, 4, 2),
        (2, 5, 6),
        activations=["gelu"],
        decoder_activations=["relu"],
        dropout=[0],
        decoder_dropout=[0],
    )

    summary = summarize(module, "AutoencoderTransformer")

    dense = [layer for layer in summary.layers if layer.kind == "Dense"]
    assert [layer.output_shape[1] for layer in dense] == [4, 2, 5, 6]


def test_summary_counts_frozen_parameters_as_not_trainable():
    module = make_mlp((4, 8, 3))
    module.blocks()[0].requires_grad_(False)

    summary = summarize(module, "Net")

    assert summary.n_trainable == (8 + 1) * 3
    assert "Trainable params: 27" in str(summary)
    assert "Non-trainable params: 40" in str(summary)


def test_summary_counts_running_statistics_as_keras_does():
    # Keras: scale, shift, moving mean and moving variance; the last two not trainable.
    summary = summarize(make_mlp((4, 8, 3), normalization="batch"), "Net")

    (normalization,) = (s for s in summary.layers if s.kind == "BatchNorm")
    assert normalization.n_parameters == 4 * 8
    assert summary.n_parameters - summary.n_trainable == 2 * 8


@pytest.mark.parametrize(
    "dtype, n_bytes", [(torch.float32, 4 * 67), (torch.float64, 8 * 67)], ids=str
)
def test_summary_bytes_follow_from_the_dtype(dtype, n_bytes):
    summary = summarize(make_mlp((4, 8, 3), dtype=dtype), "Net")

    assert summary.n_bytes == n_bytes


@pytest.mark.parametrize(
    "units, size",
    [
        ((4, 8, 3), "(268.00 B)"),
        ((99, 100, 2), "(39.85 KB)"),
        ((999, 1000, 24), "(3.91 MB)"),
        ((19_999, 20_000, 1), "(1.49 GB)"),
    ],
)
def test_summary_states_the_memory_in_a_fitting_unit(units, size):
    with torch.device("meta"):
        module = make_mlp(units)

    assert size in str(summarize(module, "Net"))


def test_summary_prints_a_table_with_straight_columns():
    lines = str(summarize(make_mlp((784, 128, 10)), "MLPClassifier")).splitlines()

    assert lines[0] == 'Model: "MLPClassifier"'
    table = lines[1:-3]
    assert len({len(line) for line in table}) == 1
    assert table[0] == table[2] == table[-1] == "-" * len(table[0])
    assert table[1].split("  ")[0] == "Layer (type)"
    assert table[3].split() == ["dense_1", "(Dense)", "(None,", "128)", "100,480"]


class Cells(HTMLParser):
    """Collects the text of each cell, a list for each row."""

    def __init__(self, html):
        super().__init__()
        self.rows = []
        self.open = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("th", "td"):
            self.rows[-1].append(data)


def test_summary_shows_the_same_table_in_a_notebook():
    summary = summarize(make_mlp((784, 128, 10)), "MLPClassifier")

    cells = Cells(summary._repr_html_())

    assert cells.open == []
    assert cells.rows[0] == ["Layer (type)", "Output shape", "Param #"]
    assert cells.rows[1] == ["dense_1 (Dense)", "(None, 128)", "100,480"]
    printed = [line.split() for line in str(summary).splitlines()[4:-4]]
    assert [" ".join(row).split() for row in cells.rows[1:]] == printed
    assert "Total params: 101,770 (397.54 KB)" in summary._repr_html_()
