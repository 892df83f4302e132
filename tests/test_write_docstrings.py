"""Docstrings have what they share from one file."""

import pytest

from tests.write_docstrings import (
    SHARED,
    classes,
    fill_docstring,
    filled_files,
    read_shared,
    sections_of,
)

TEXT = """# Base: Parameters

alpha : float, default=...
    Strength [adam]_.

solver : str, default=...
    What updates.

# Own: Parameters

solver : str, default=...
    What updates, in other words.

# References

.. [adam] Kingma.
"""
DOC = """Estimator.

    Parameters
    ----------
    width : int, default=3
        Its own [1]_.

    Returns
    -------
    y : int

    References
    ----------
    .. [1] Own.
    """


class Base:
    def __init__(self, solver="adam", width=3, alpha=0.5):
        pass


class Own(Base):
    pass


def fill(cls, doc):
    shared = read_shared(TEXT)
    owners = [base.__name__ for base in reversed(cls.__mro__)]
    return fill_docstring(doc, sections_of(owners, shared), shared.references, cls)


def test_docstrings_have_what_is_shared():
    texts = filled_files()

    stale = [p.name for p, text in texts.items() if p.read_text("utf-8") != text]
    assert stale == [], "run python -m tests.write_docstrings"


def test_each_owner_of_shared_paragraphs_is_there():
    owners = {owner for owner, _ in read_shared(SHARED.read_text("utf-8")).entries}
    known = {cls.__name__: cls for cls in classes()}

    for owner in owners:
        name, _, method = owner.partition(".")
        assert name in known
        assert not method or method in vars(known[name])


def test_what_is_missing_comes_in_the_order_of_the_signature():
    assert (
        fill(Base, DOC)
        == """Estimator.

    Parameters
    ----------
    solver : str, default="adam"
        What updates.

    width : int, default=3
        Its own [2]_.

    alpha : float, default=0.5
        Strength [1]_.

    Returns
    -------
    y : int

    References
    ----------
    .. [1] Kingma.

    .. [2] Own.
    """
    )


@pytest.mark.parametrize("cls", [Base, Own])
def test_filling_twice_changes_nothing(cls):
    once = fill(cls, DOC)

    assert fill(cls, once) == once


def test_the_entry_of_the_nearest_class_counts():
    assert "in other words" in fill(Own, DOC)
    assert "in other words" not in fill(Base, fill(Own, DOC))


def test_a_docstring_without_sections_stays():
    assert fill(Base, "Estimator.") == "Estimator."
