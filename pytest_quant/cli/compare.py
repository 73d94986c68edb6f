"""``pytest-quant compare``: what changed from one JSON report to another, and whether it is more than noise."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.types import SubParsers

if TYPE_CHECKING:
    from pytest_quant.report.compare.change import Changes
    from pytest_quant.report.compare.paired import PairedChanges

_CACHE = Path(".pytest_cache") / "d" / "quant"
FAIL_ON = ("worse", "changed", "never")


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "compare",
        help="Say what changed between two JSON reports, and whether it is more than noise",
        description="Hold two JSON reports against each other. A change of a metric is judged sample by sample where "
        "both runs had the same samples and the cache still has both predictions, else from the intervals of the two "
        "reports; the output says which. Exit status 1 when something got worse.",
    )
    parser.add_argument("old", type=Path, metavar="OLD.json", help="The earlier report")
    parser.add_argument("new", type=Path, metavar="NEW.json", help="The later one")
    parser.add_argument(
        "--fail-on", choices=FAIL_ON, default="worse",
        help="What gives exit status 1: worse (default: a net that is worse by more than noise, or a verdict that "
        "turned bad), changed (anything), never",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="Print Markdown, for a comment below a pull request")
    form.add_argument("--json", action="store_true", help="Print JSON, for a program")
    parser.add_argument(
        "--root", type=Path, default=Path(), metavar="DIR",
        help="Root folder of the runs, which zoo files are relative to (default: where you are)",
    )  # fmt: skip
    parser.add_argument(
        "--cache", type=Path, metavar="DIR", help=f"The cache of the runs (default: {_CACHE.as_posix()} below --root)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the changes; raises `QuantError` for a file that is not a report."""
    from pytest_quant.report.compare.changes import compare_reports
    from pytest_quant.report.compare.entry import comparison_entry
    from pytest_quant.report.compare.words import comparison_lines, comparison_markdown
    from pytest_quant.report.read import read_report

    before, now = read_report(args.old), read_report(args.new)
    with _paired(args.root.resolve(), args.cache or args.root / _CACHE) as pair:
        changes = compare_reports(before, now, pair)
    if args.json:
        print(json.dumps(comparison_entry(changes).model_dump(mode="json", by_alias=True), indent=2))
    else:
        print("\n".join(comparison_markdown(changes) if args.markdown else comparison_lines(changes)))
    return int(_fails(changes, args.fail_on))


def _fails(changes: Changes, fail_on: str) -> bool:
    return changes.is_regression if fail_on == "worse" else changes.is_any and fail_on == "changed"


@contextmanager
def _paired(root: Path, cache: Path) -> Iterator[PairedChanges]:
    from tempfile import TemporaryDirectory

    from pytest_quant.building.workbench import open_workbench
    from pytest_quant.evaluation.sampling import Sampling
    from pytest_quant.evaluation.workbench import Workbench
    from pytest_quant.report.compare.paired import PairedChanges

    with TemporaryDirectory() as folder:

        def open_bench(sampling: Sampling) -> Workbench:
            return open_workbench(Path(folder), cores=1, cache_dir=cache.resolve(), sampling=sampling)

        yield PairedChanges(root, open_bench)
