"""What the built pages of the reference and of the gallery have."""

import re

import pytest

import sknn_deep

# A citation as it is written, [1]_, or as numpydoc names it, [R0c1b2d3e4f5a-1].
RAW_LABEL = re.compile(r"\[[\w-]+\]_|\[R[0-9a-f]{6,}-\w+\]")


def text_of(html):
    """Give the text of an article, without its code."""
    article = html.partition("<article")[2].partition("</article>")[0]
    prose = re.sub(r"(?s)<(pre|code)\b.*?</\1>", " ", article)
    return re.sub(r"<[^>]+>", "", prose)


@pytest.fixture(scope="module")
def entries(site):
    """Pages of the reference, by name."""
    pages = sorted((site / "generated").glob("sknn_deep.*.html"))
    assert len(pages) > 25
    return {page.stem: page.read_text(encoding="utf-8") for page in pages}


def test_each_entry_of_the_reference_links_to_its_source(entries):
    without = [
        name
        for name, html in entries.items()
        if not re.search(r'class="viewcode-link"|>\[source\]<', html)
    ]

    assert without == []


def test_no_entry_of_the_reference_shows_the_label_of_a_citation(entries):
    found = {name: RAW_LABEL.findall(text_of(html)) for name, html in entries.items()}
    found = {name: labels for name, labels in found.items() if labels}

    assert found == {}


def test_each_group_of_the_reference_begins_with_a_sentence(site):
    html = (site / "api.html").read_text(encoding="utf-8")
    groups = html.split("<h2>")[1:]
    beginnings = [re.search(r"</h2>\s*<(\w+)", group)[1] for group in groups]

    assert len(groups) > 5
    assert set(beginnings) == {"p"}


def test_each_example_can_be_downloaded_as_a_notebook(site):
    pages = sorted((site / "auto_examples").glob("plot_*.html"))
    assert len(pages) > 8
    links = {
        page.stem: re.findall(r'href="([^"]+\.ipynb)"', page.read_text())
        for page in pages
    }

    assert [name for name, found in links.items() if not found] == []
    for page in pages:
        for link in links[page.stem]:
            assert (page.parent / link).is_file()


def test_the_bar_shows_the_version(site):
    html = (site / "index.html").read_text(encoding="utf-8")
    logo = html.partition('class="navbar-brand')[2].partition("</a>")[0]

    assert f"sknn_deep {sknn_deep.__version__}" in logo
