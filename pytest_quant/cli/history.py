"""``pytest-quant history``: the runs that ``--quant-history`` has kept, as tables, plots, or JSON."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.calibration import positive
from pytest_quant.cli.types import SubParsers

if TYPE_CHECKING:
    from pytest_quant.history.file import HistoryFile, KeptRun
    from pytest_quant.history.series import Point, Series

_LAST = 20
_HEADER = ("run", "when", "commit", "fp32", "int8", "drop", "CI of drop", "n of N", "verdict", "changed")


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "history",
        help="List and plot the runs that --quant-history has kept",
        description="List the runs of a history file: when, of which commit, what each model scored, with which "
        "verdict, and what was otherwise than in the run before. Of one model, plot its numbers, too.",
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="This model alone, with plots (default: all)")
    parser.add_argument("--file", type=Path, required=True, metavar="FILE", help="The file of --quant-history")
    parser.add_argument("--last", type=positive, default=_LAST, metavar="N", help=f"How many runs (default: {_LAST})")
    parser.add_argument("--json", action="store_true", help="Print JSON instead of tables")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the history; raises `QuantError` for a file that cannot be read and a model that it lacks."""
    from pytest_quant.history.file import HistoryFile
    from pytest_quant.history.series import series_of

    history = HistoryFile(args.file)
    runs = history.runs(args.model, last=args.last)
    if not runs and args.model is not None:
        _refuse(history, args.model)
    if args.json:
        print(json.dumps([_plain(kept) for kept in runs], indent=2))
        return 0
    found = series_of(runs)
    print("\n".join(_lines(found, plots=args.model is not None)) if found else "no runs yet")
    return 0


def _refuse(history: HistoryFile, model: str) -> None:
    from pytest_quant.spec.errors import ConfigError
    from pytest_quant.spec.text import listed, shown, suggestion

    known = sorted({result.model for kept in history.runs() for result in kept.results})
    raise ConfigError(
        f"{shown(history.path)} has no run of {model!r}.{suggestion(model, known)} It has: {listed(known) or 'none'}"
    )


def _plain(kept: KeptRun) -> dict[str, object]:
    from dataclasses import asdict

    return {"run": kept.number, **asdict(kept.run), "results": [asdict(one) for one in kept.results]}


def _lines(found: Sequence[Series], *, plots: bool) -> Iterator[str]:
    from pytest_quant.history.plot import plot_lines
    from pytest_quant.spec.text import aligned, visible

    for place, series in enumerate(found):
        if place:
            yield ""
        yield visible(series.title)
        yield from aligned([_HEADER, *(_row(point) for point in series.points)], left=3, last_left=True)
        if plots:
            yield from plot_lines(series)


def _row(point: Point) -> tuple[str, ...]:
    result, commit = point.result, point.run.commit
    number = result.of_metric.number

    def cell(value: float | None) -> str:
        return "-" if value is None else number(value)

    low, high = result.ci_low, result.ci_high
    return (
        str(point.number),
        point.run.started.replace("T", " ")[:16],
        "-" if commit is None else commit.short,
        cell(result.fp32),
        cell(result.int8),
        cell(result.drop),
        "-" if low is None or high is None else f"{number(low)} to {number(high)}",
        "-" if result.evaluated is None else f"{result.evaluated} of {result.total}",
        result.verdict,
        "; ".join(point.changed) or "-",
    )
