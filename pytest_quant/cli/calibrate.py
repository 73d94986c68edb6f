"""``pytest-quant calibrate``: images to a calibration table."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_quant.cli.calibration import add_options, calibrated
from pytest_quant.cli.outputs import require_folder
from pytest_quant.cli.types import SubParsers


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "calibrate",
        help="Make a calibration table from images",
        description="Run a model's fp32 net on calibration images, prepared as its zoo entry says, and write the table "
        "that `quantize` and ncnn2int8 take. What the entry says under `int8` need not exist yet.",
    )
    add_options(parser, required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="TABLE", help="Where to write the table")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the table."""
    from pytest_quant.nets.ncnn.files import write_table

    require_folder(args.out)
    made = calibrated(args)
    write_table(made.table, args.out)
    print(f"{args.out}: {len(made.table.activations)} layers of {made.model.name}, calibrated on {made.images} images")
    return 0
