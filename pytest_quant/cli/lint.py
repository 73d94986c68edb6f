"""``pytest-quant lint``: whether a calibration table can be right, without data and without running anything."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.types import SubParsers
from pytest_quant.spec.errors import ConfigError

if TYPE_CHECKING:
    from pytest_quant.nets.ncnn.files import Finding, Table


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "lint",
        help="Check a calibration table",
        description="Look for scales in a calibration table that break a net and, with --param, for layers that are "
        "missing or belong to another model. With --bin the scales are held against the weights. Exit status 1 when "
        "there is an error; warnings alone give 0.",
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="Calibration table of ncnn2table or pytest-quant")
    parser.add_argument("--param", type=Path, metavar="PARAM", help="The model's .param, fp32 or int8")
    parser.add_argument("--bin", type=Path, metavar="BIN", help="The fp32 model's .bin, to go with --param")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every finding, errors first, then a summary."""
    from pytest_quant.nets.ncnn.files import lint_entries, read_table

    if args.bin is not None and args.param is None:
        raise ConfigError("--bin needs --param, which says what the file holds")
    table = read_table(args.table)
    findings = lint_entries(table) if args.param is None else _against_model(table, args.param, args.bin)
    for finding in sorted(findings, key=lambda finding: finding.severity):
        print(f"{finding.severity}: {finding.layer + ': ' if finding.layer else ''}{finding.message}")
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"{args.table}: {len(table.layers)} layers, {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors else 0


def _against_model(table: Table, param_path: Path, bin_path: Path | None) -> list[Finding]:
    from pytest_quant.nets.ncnn.files import lint_table, read_param, walk

    param = read_param(param_path)
    return lint_table(table, param, None if bin_path is None else walk(param, bin_path))
