"""``pytest-quant diagnose``: the error of every layer of an int8 net."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.calibration import pick_model, positive
from pytest_quant.cli.console import progress_bars
from pytest_quant.cli.outputs import require_folder
from pytest_quant.cli.types import SubParsers
from pytest_quant.cli.zoo_file import open_zoo

if TYPE_CHECKING:
    from pytest_quant.diagnosis.diagnose import Diagnosis
    from pytest_quant.report.model import DiagnosisEntry

_SAMPLES = 8
"""`pytest_quant.diagnosis.diagnose.DEFAULT_SAMPLES`, which is not imported for a help text."""


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "diagnose",
        help="Find the layers that make an int8 net worse",
        description="Compare an int8 net of a model with its float net layer by layer on a few samples of its dataset, "
        "without their labels, and print the quantized layers, first the one whose error does most harm to the output.",
    )
    parser.add_argument("--zoo", type=Path, required=True, metavar="FILE", help="Zoo file that holds the model")
    parser.add_argument("--model", metavar="NAME", help="Model of the zoo file (default: its only one)")
    parser.add_argument("--net", default="int8", metavar="NET", help="Which of its nets to look at (default: int8)")
    parser.add_argument(
        "--samples", type=positive, default=_SAMPLES, metavar="N", help=f"How many samples (default: {_SAMPLES})"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="Seed of their choice (default: 0)")
    parser.add_argument("--all", action="store_true", help="Print all layers, float ones too, in the order of the file")
    parser.add_argument("--json", type=Path, metavar="OUT", help="Write all layers to this file, too")
    parser.add_argument("--jobs", type=positive, metavar="N", help="Cores to use (default: all)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the layers."""
    from pytest_quant.report.diagnosis import diagnosis_entry
    from pytest_quant.report.write import json_text

    if args.json is not None:
        require_folder(args.json, "--json")
    found = _diagnosed(args)
    entry = diagnosis_entry(found)
    if args.json is not None:
        args.json.write_text(json_text(entry), encoding="utf-8")
    print("\n".join(_lines(found, entry, all_layers=args.all)))
    return 0


def _diagnosed(args: argparse.Namespace) -> Diagnosis:
    from tempfile import TemporaryDirectory

    from pytest_quant.building.workbench import open_workbench
    from pytest_quant.diagnosis.diagnose import diagnose
    from pytest_quant.evaluation.cores import available_cores
    from pytest_quant.evaluation.sampling import Sampling

    model = pick_model(open_zoo(args.zoo), args.model)
    with TemporaryDirectory() as folder, progress_bars() as listener:
        bench = open_workbench(
            Path(folder),
            cores=args.jobs or available_cores(),
            sampling=Sampling(seed=args.seed, whole=True),
            listener=listener,
        )
        return diagnose(model, bench, args.samples, net=args.net)


def _lines(found: Diagnosis, entry: DiagnosisEntry, *, all_layers: bool) -> Iterator[str]:
    from pytest_quant.report.diagnosis import MEANING, layer_table
    from pytest_quant.spec.text import aligned, listed

    layers = entry.layers if all_layers else entry.worst_layers()
    yield f"{found.model}: SQNR of the output {entry.output.text} on {len(found.samples)} samples"
    yield ""
    yield from aligned(layer_table(entry, layers), left=2)
    yield ""
    yield MEANING
    if found.output_samples < len(found.samples):
        yield f"Output and share of noise are those of the first {found.output_samples} samples."
    if found.unmatched:
        yield f"Not in the float net, so nothing is known of them: {listed(found.unmatched)}"
