"""Word accuracy and edit distances as mmocr defines them, and the character error rate."""

from __future__ import annotations

import re

SYMBOLS = re.compile("[^A-Z^a-z^0-9^\u4e00-\u9fa5]")
"""What mmocr's metrics leave out. The carets inside the class are literal, so that ``^`` itself is kept."""


def without_symbols(text: str) -> str:
    """Lower case, and Latin letters, digits and Chinese characters only; str.lower, not casefold.

    >>> without_symbols("Don't"), without_symbols("É^1"), without_symbols("!?")
    ('dont', '^1', '')
    """
    return SYMBOLS.sub("", text.lower())


def edit_distance(one: str, other: str) -> int:
    """The fewest insertions, deletions and substitutions of characters that turn one text into the other (Levenshtein).

    >>> edit_distance("kitten", "sitting")
    3
    """
    if len(one) < len(other):
        one, other = other, one
    row = list(range(len(other) + 1))
    for index, char in enumerate(one, start=1):
        diagonal, row[0] = row[0], index
        for place, against in enumerate(other, start=1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (char != against)),
            )
    return row[-1]


def normalized_edit_distance(one: str, other: str) -> float:
    """Edit distance by the length of the longer text; 0 for two empty ones.

    >>> normalized_edit_distance("ab", "a^b") == 1 / 3
    True
    """
    longer = max(len(one), len(other))
    return edit_distance(one, other) / longer if longer else 0.0
