"""Columns that became categories although they look like numbers."""

import math
import re
import warnings

from sknn_deep.columns._read import Column, is_number

# Of fewer values nothing is said: grades, months and floors may well be categories.
_MANY_VALUES = 20
# That are no numbers: a few words for what is missing, such as "?".
_SHARE_OF_WORDS = 0.1
_MOST_NAMED = 5
# Of zip codes and other names, as no number is written.
_LEADING_ZERO = re.compile(r"\s*0\d")


def warn_of_numbers(columns: list[Column], *, owner: str) -> None:
    """Name columns that were read as text, and of which nearly all are numbers."""
    labels = [column.label for column in columns if _looks_like_numbers(column)]
    if not labels:
        return
    n_others = len(labels) - _MOST_NAMED
    others = f" and {n_others} others" if n_others > 0 else ""
    warnings.warn(
        f"{owner} takes as categories what are numbers but for a few words, or written "
        f"as text, in these columns: {', '.join(labels[:_MOST_NAMED])}{others}. Turn "
        "them into numbers by pd.to_numeric(X[column], errors='coerce'), or, if they "
        "are meant as categories, give them the dtype 'category' or name all columns "
        "of categories in categorical_features.",
        UserWarning,
        stacklevel=2,
    )


def _looks_like_numbers(column: Column) -> bool:
    if not column.is_category or column.is_declared:
        return False
    if len(column.values) <= _MANY_VALUES:
        return False
    n_words, most_words = 0, _SHARE_OF_WORDS * len(column.values)
    for value in column.values:
        if isinstance(value, str) and _LEADING_ZERO.match(value):
            return False
        n_words += not (is_number(value) or _is_written_number(value))
        if n_words > most_words:
            return False
    return True


def _is_written_number(value) -> bool:
    """Tell a finite number, written as pandas reads it too."""
    if not isinstance(value, str) or "_" in value:
        return False
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
