"""``pytest-quant quantize``: a float network to an int8 one."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.cli.calibration import add_options, calibrated
from pytest_quant.cli.outputs import beside, require_folder
from pytest_quant.cli.types import SubParsers
from pytest_quant.spec.errors import ConfigError, QuantWarning
from pytest_quant.spec.text import listed

if TYPE_CHECKING:
    from pytest_quant.nets.ncnn.net_files import NcnnFiles
    from pytest_quant.quantize.lower import QuantizeReport

_ONLY_TO_CALIBRATE = ("model", "images", "arrays", "dataset", "samples", "method", "percentile", "eight_bit")


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "quantize",
        help="Write the int8 version of a network",
        description="Write PREFIX.param and PREFIX.bin, as ncnn2int8 does, from a float network and its calibration "
        "table; or calibrate a model of a zoo file first, which writes PREFIX.table too.",
    )
    parser.add_argument("param", type=Path, nargs="?", metavar="PARAM", help="The float network's .param")
    parser.add_argument("bin", type=Path, nargs="?", metavar="BIN", help="Its .bin")
    parser.add_argument("--table", type=Path, metavar="TABLE", help="Its calibration table")
    parser.add_argument("--out", type=Path, required=True, metavar="PREFIX", help="Where to write, without a suffix")
    add_options(parser, required=False)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the int8 network."""
    from pytest_quant.nets.ncnn.files import write_table
    from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files

    _check_usage(args)
    require_folder(args.out)
    if args.zoo is None:
        return _write(args.out, NcnnFiles(param=args.param, bin=args.bin), args.table, args.keep_float)
    made = calibrated(args)
    table = beside(args.out, ".table")
    write_table(made.table, table)
    print(f"{table}: calibrated on {made.images} images")
    # From the file, whose digits are fewer: quantizing again with it gives the same network.
    return _write(args.out, ncnn_files(made.model, "fp32"), table, made.keep_float)


def _check_usage(args: argparse.Namespace) -> None:
    if args.zoo is not None:
        if args.param is not None or args.table is not None:
            raise ConfigError("either PARAM, BIN and --table, or --zoo: found both")
        return
    missing = [name for name in ("param", "bin", "table") if getattr(args, name) is None]
    if missing:
        names = listed({"param": "PARAM", "bin": "BIN", "table": "--table"}[name] for name in missing)
        raise ConfigError(f"{names} missing: name PARAM, BIN and --table, or --zoo to calibrate first")
    useless = [name for name in _ONLY_TO_CALIBRATE if getattr(args, name)]
    if useless:
        raise ConfigError(f"--{useless[0].replace('_', '-')} has no effect on a table that is there already")


def _write(prefix: Path, source: NcnnFiles, table: Path, keep_float: Sequence[str]) -> int:
    from pytest_quant.nets.ncnn.net_files import NcnnFiles
    from pytest_quant.quantize.lower import quantize_model

    out = NcnnFiles(param=beside(prefix, ".param"), bin=beside(prefix, ".bin"))
    if any(path.exists() and path.samefile(old) for path in (out.param, out.bin) for old in (source.param, source.bin)):
        raise ConfigError(f"--out: {prefix} would overwrite the float network")
    _warn_of_findings(table, source)
    report = quantize_model(source.param, source.bin, table, out.param, out.bin, keep_float=keep_float)
    print("\n".join(_lines(report, out, source)))
    return 0


def _warn_of_findings(path: Path, source: NcnnFiles) -> None:
    """What ``lint`` calls an error is written all the same, as ncnn2int8 does, but not without a word."""
    from pytest_quant.nets.ncnn.files import lint_table, read_param, read_table, walk
    from pytest_quant.nets.ncnn.load_check import check_loads

    param = read_param(source.param)
    lacking = check_loads(param)
    if lacking:
        text = f"{source.param}: this ncnn has no layer {listed(lacking)}: the net needs a build of your own"
        warnings.warn(text, QuantWarning, stacklevel=2)
    findings = lint_table(read_table(path), param, walk(param, source.bin))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        first = f"{errors[0].layer}: {errors[0].message}".lstrip(": ")
        command = f"pytest-quant lint {path} --param {source.param} --bin {source.bin}"
        warnings.warn(
            f"{path}: {len(errors)} findings, the first: {first}; `{command}` has all", QuantWarning, stacklevel=2
        )


def _lines(report: QuantizeReport, out: NcnnFiles, source: NcnnFiles) -> Iterator[str]:
    done, passing = len(report.quantized), len(report.requantized)
    yield f"{out.param}: {done} of {done + len(report.kept_float)} layers int8, {passing} of them pass int8 on"
    if report.kept_float:
        yield f"left in float: {listed(report.kept_float)}"
    if report.without_int8:
        yield f"float, since ncnn has no int8 for their kind: {listed(report.without_int8)}"
    yield f"{out.bin}: {out.bin.stat().st_size} bytes, {source.bin.stat().st_size} before"
