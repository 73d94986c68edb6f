"""What changed between two reports, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.report.compare.change import CaseChange, Changes, RowChange
from pytest_quant.report.markdown_text import plain
from pytest_quant.spec.text import aligned, visible

_HEADER = ("model", "metric", "fp32", "int8", "worse by", "CI", "change", "verdict")


def comparison_lines(changes: Changes) -> Iterator[str]:
    """For a terminal."""
    if changes.rows:
        yield from aligned([_HEADER, *map(_cells, changes.rows)], left=2, last_left=True)
        yield ""
    for title, lines in _facts(changes):
        yield from (f"{title}:", "", *(f"  {line}" for line in lines), "")
    yield _summary(changes)


def comparison_markdown(changes: Changes) -> Iterator[str]:
    """As Markdown, for a comment below a pull request."""
    if changes.rows:
        yield _marked(_HEADER)
        yield "|" + "---|" * len(_HEADER)
        for row in changes.rows:
            yield _marked(_cells(row))
        yield ""
    for title, lines in _facts(changes):
        yield from (f"{title}:", "", *(f"* {plain(line)}" for line in lines), "")
    yield ""
    yield _summary(changes)


def _marked(cells: Sequence[str]) -> str:
    return f"| {' | '.join(plain(visible(cell)) for cell in cells)} |"


def _cells(row: RowChange) -> tuple[str, ...]:
    number, noise = row.metric.number, row.noise
    name = row.model if row.net == "int8" else f"{row.model} {row.net}"
    return (
        name,
        row.metric.name,
        _arrow(_number(row, row.before.fp32, "-"), _number(row, row.now.fp32, "-")),
        _arrow(_number(row, row.before.int8, row.before.note), _number(row, row.now.int8, row.now.note)),
        _number(row, row.worse_by, "-"),
        "-" if noise is None else f"{number(noise.interval.low)} to {number(noise.interval.high)}",
        row.judgement,
        _arrow(row.verdict_before.text, row.verdict_now.text),
    )


def _number(row: RowChange, value: float | None, instead: str | None) -> str:
    return instead or "-" if value is None else row.metric.number(value)


def _arrow(before: str, now: str) -> str:
    return now if before == now else f"{before} -> {now}"


def _facts(changes: Changes) -> Iterator[tuple[str, list[str]]]:
    """Titles with what stands below them; names in it come from files."""
    for title, lines in (
        ("how the change was judged", _sources(changes.rows)),
        ("verdicts", list(map(_case, changes.cases))),
        ("environment", changes.environment),
        ("models", changes.surroundings),
        ("added", changes.added),
        ("removed", changes.removed),
    ):
        if lines:
            yield title, [visible(line) for line in lines]


def _sources(rows: Sequence[RowChange]) -> list[str]:
    found = []
    for row in rows:
        net = "" if row.net == "int8" else f" {row.net}"
        if row.noise is not None and row.worse_by:
            why = "" if row.why_not_paired is None else f" ({row.why_not_paired})"
            level = f"{100 * row.noise.interval.level:.4g}% CI"
            found.append(f"{row.model}{net} {row.metric.name}: {level} of {row.noise.source}{why}")
        elif row.worse_by != 0 and row.why_not_paired is not None:
            found.append(f"{row.model}{net} {row.metric.name}: no interval is known: {row.why_not_paired}")
    return found


def _case(change: CaseChange) -> str:
    return f"{change.case}: {change.before.text} -> {change.now.text}"


def _summary(changes: Changes) -> str:
    worse = sum(one.is_regression for one in changes.rows)
    turned = sum(one.is_regression for one in changes.cases)
    return (
        f"{len(changes.rows)} rows changed, {worse} of them for the worse; {changes.unchanged} the same; "
        f"{turned} verdicts turned bad"
    )
