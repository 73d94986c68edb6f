"""The table of a run as lines that fit a terminal: columns that matter less are left out, long names cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_quant.report.table import HEADER, Table
from pytest_quant.spec.columns import TITLES

_GOES_FIRST = ("dataset", "runtime", "onnx", "flips", "limit", "ci", "n", "metric")
"""What a narrow terminal loses, in this order; model, values, drop and verdict stay."""
_TEXT = frozenset(TITLES[name] for name in ("model", "dataset", "metric", "verdict"))
"""Columns of text stand left, numbers right."""
_GAP, _ELLIPSIS = "  ", "..."
_LONG_NAME, _SHORTEST_NAME = 28, 8
"""A name that is longer is cut before columns go; so far when all that may go are gone."""


@dataclass(frozen=True)
class Folded:
    """The lines of a table."""

    header: str
    lines: tuple[str, ...]
    left_out: tuple[str, ...]
    """Names of the columns for which there was no room."""


def folded(found: Table, *, width: int | None = None, chosen: Sequence[str] = ()) -> Folded:
    """At most ``width`` characters wide, None: as wide as it is; with the ``chosen`` columns, by their names, alone."""
    titles = [TITLES[name] for name in chosen] or list(found.header)
    cells = [dict(zip(HEADER, row.cells(), strict=True)) for row in found.rows]
    left_out: list[str] = []
    if width is not None:
        if _width(titles, cells) > width:
            cells = [{**row, "model": _cut(row["model"], _LONG_NAME)} for row in cells]
        for name in () if chosen else _GOES_FIRST:
            if TITLES[name] in titles and _width(titles, cells) > width:
                titles.remove(TITLES[name])
                left_out.append(name)
        cells = _with_short_models(titles, cells, width)
    header, *lines = _aligned(titles, cells)
    cut = None if width is None else max(width, 1)
    return Folded(header[:cut], tuple(line[:cut] for line in lines), tuple(left_out))


def _widths(titles: Sequence[str], cells: Sequence[dict[str, str]]) -> list[int]:
    return [max(len(title), *(len(row[title]) for row in cells)) if cells else len(title) for title in titles]


def _width(titles: Sequence[str], cells: Sequence[dict[str, str]]) -> int:
    return sum(_widths(titles, cells)) + len(_GAP) * (len(titles) - 1)


def _with_short_models(titles: Sequence[str], cells: list[dict[str, str]], width: int) -> list[dict[str, str]]:
    """Names of models are cut where the rest of the table leaves less room than they take."""
    over = _width(titles, cells) - width
    if over <= 0 or "model" not in titles:
        return cells
    room = max(_widths(["model"], cells)[0] - over, _SHORTEST_NAME)
    return [{**row, "model": _cut(row["model"], room)} for row in cells]


def _cut(text: str, room: int) -> str:
    """The beginning and the end, which tells names apart that begin alike."""
    if len(text) <= room:
        return text
    kept = room - len(_ELLIPSIS)
    return f"{text[: kept - kept // 2]}{_ELLIPSIS}{text[len(text) - kept // 2 :]}"


def _aligned(titles: Sequence[str], cells: Sequence[dict[str, str]]) -> list[str]:
    widths = _widths(titles, cells)
    rows = [{title: title for title in titles}, *cells]
    return [
        _GAP.join(
            row[title].ljust(width) if title in _TEXT else row[title].rjust(width)
            for title, width in zip(titles, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
