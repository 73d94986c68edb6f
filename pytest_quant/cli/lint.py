"""``pytest-quant lint``: whether a calibration table can be right, without data and without running anything."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_quant.cli.types import SubParsers


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "lint",
        help="Check a calibration table",
        description="Look for infinite, zero and outlier scales in a calibration table and, with --param, for layers "
        "that are missing or belong to another model. Exit status 1 when there is an error; warnings alone give 0.",
    )
    parser.add_argument("table", type=Path, metavar="TABLE", help="Calibration table of ncnn2table or pytest-quant")
    parser.add_argument("--param", type=Path, metavar="PARAM", help="The model's .param, fp32 or int8")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every finding, errors first, then a summary."""
    from pytest_quant.nets.ncnn.files import lint_entries, lint_table, read_param, read_table

    table = read_table(args.table)
    findings = lint_entries(table) if args.param is None else lint_table(table, read_param(args.param))
    for finding in sorted(findings, key=lambda finding: finding.severity):
        print(f"{finding.severity}: {finding.layer + ': ' if finding.layer else ''}{finding.message}")
    errors = sum(finding.severity == "error" for finding in findings)
    print(f"{args.table}: {len(table.layers)} layers, {errors} errors, {len(findings) - errors} warnings")
    return 1 if errors else 0
