"""``pytest-quant rescue``: look for a repair of an int8 net, and write it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.calibration import pick_model, positive
from pytest_quant.cli.types import SubParsers
from pytest_quant.cli.zoo_file import open_zoo
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed

if TYPE_CHECKING:
    from pytest_quant.spec.dataset import DatasetSpec
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.zoo.reader import Zoo

_CONFIDENCE = 0.95
_FOLDER = "quant-rescue"


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "rescue",
        help="Look for a repair of an int8 net and write it",
        description="Look for the calibration and the fewest layers to leave in float with which a model meets its "
        "tolerance, on samples that are not those of its evaluation, write the repaired net and its table, and run it "
        "on the evaluation set once. The exit status is 1 where there is no such repair, or where it misses the "
        "tolerance there.",
    )
    parser.add_argument("--zoo", type=Path, required=True, metavar="FILE", help="Zoo file that holds the model")
    parser.add_argument("--model", metavar="NAME", help="Model of the zoo file (default: its only one)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="PATH",
        help="Folder or list of images to search on, the fp32 outputs being the reference (default: what the model's "
        "entry says under rescue, else under int8.calibrate)",
    )
    source.add_argument("--dataset", metavar="NAME", help="Labelled dataset of the zoo file to search on instead")
    parser.add_argument("--samples", type=positive, metavar="N", help="Search on N of them at most (default: all)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(_FOLDER),
        metavar="FOLDER",
        help=f"Where to write (default: {_FOLDER})",
    )
    parser.add_argument("--jobs", type=positive, metavar="N", help="Cores to use (default: all)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Search, write and report."""
    from tempfile import TemporaryDirectory

    from pytest_quant.building.workbench import open_workbench
    from pytest_quant.evaluation.cores import available_cores
    from pytest_quant.extending.known import get_task
    from pytest_quant.report.rescue import rescue_entry, rescue_lines
    from pytest_quant.rescue.rescue import rescue
    from pytest_quant.rescue.rescues import source_of

    zoo = open_zoo(args.zoo)
    model = pick_model(zoo, args.model)
    source, samples = _source(zoo, model, args) or source_of(model)
    with TemporaryDirectory() as folder:
        bench = open_workbench(Path(folder), cores=args.jobs or available_cores())
        found = rescue(
            model,
            bench,
            source,
            out=args.out,
            samples=args.samples or samples,
            confidence=_CONFIDENCE,
            say=_tell,
        )
        entry = rescue_entry(found, Path.cwd())
    print("\n".join(rescue_lines(entry, get_task(model.task).metrics, Path.cwd())))
    return 0 if entry.meets else 1


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _source(zoo: Zoo, model: ModelSpec, args: argparse.Namespace) -> tuple[DatasetSpec | Path, int | None] | None:
    """What the options name to search on; None where they name nothing."""
    from pytest_quant.extending.known import get_task, taken_by
    from pytest_quant.zoo.reader import find_dataset

    if args.images is not None:
        return args.images, None
    if args.dataset is None:
        return None
    spec, taken = find_dataset(zoo, args.dataset), taken_by(get_task(model.task))
    if spec.type not in taken:
        raise ConfigError(
            f"--dataset: {spec.name} is of type {spec.type}, the task {model.task} takes {listed(sorted(taken))}"
        )
    if spec == model.dataset:
        raise ConfigError(f"--dataset: {model.name} is evaluated on {spec.name}: a repair chosen on it proves nothing")
    return spec, None
