"""Verdicts about files alone: is the int8 net quantized, does the table belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_quant.extending.known import get_format
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.lint import CALIBRATED_TYPES, lint_table
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import first_few, listed, shown
from pytest_quant.spec.verdict import Verdict

_FINDINGS_SHOWN = 4
"""How many findings about a table a message names."""


def judge_int8(model: ModelSpec) -> Verdict:
    """Decide whether the int8 net really is quantized, by its files alone."""
    net = model.net("int8")
    found = get_format(net.format)
    facts = found.inspect(net)
    if not facts.quantized:
        floats = listed(f"{count} {name}" for name, count in facts.quantizable.items()) or "none"
        first = next(iter(found.files(net).values()))
        return Verdict(
            "fail",
            f"{_name(model, first)} has no quantized layer: it is a float net under `int8` "
            f"(layers that could be int8: {floats})",
            value=0.0,
        )
    layers = listed(
        f"{name} {count} of {facts.quantizable.get(name, count)}" for name, count in facts.quantized.items()
    )
    form = f" ({facts.form})" if facts.form else ""
    warning = found.warning(net)
    beware = f"; beware: {warning}" if warning else ""
    return Verdict("pass", f"quantized layers: {layers}{form}{beware}", value=float(sum(facts.quantized.values())))


def _name(model: ModelSpec, path: Path) -> str:
    """A file of the model for messages; of one that was built its place among the built files, the same everywhere."""
    if model.built_in is not None and path.is_relative_to(model.built_in):
        return f"built/{path.relative_to(model.built_in).as_posix()}"
    return shown(path)


def _more(errors: Sequence[str]) -> str:
    return f"; and {len(errors) - _FINDINGS_SHOWN} more" if len(errors) > _FINDINGS_SHOWN else ""


def judge_table(model: ModelSpec) -> Verdict:
    """Decide whether the calibration table belongs to the model and has usable scales."""
    int8, fp32 = ncnn_files(model, "int8"), model.nets["fp32"].entry
    if int8.table is None:
        raise TypeError(f"{model.name} names no table")
    table = read_table(int8.table)
    if isinstance(fp32, NcnnFiles):
        param = read_param(fp32.param)
        findings = lint_table(table, param, walk(param, fp32.bin))
    else:  # a net of another runtime: the table has to belong to the int8 net's own layers
        findings = lint_table(table, read_param(int8.param))
    errors = [f"{finding.layer}: {finding.message}".lstrip(": ") for finding in findings if finding.severity == "error"]
    quantized = inspect_net(int8.param, int8.bin).quantized
    absent = [name for kind in CALIBRATED_TYPES for name in quantized.get(kind, ()) if name not in table.layers]
    if absent:
        errors.insert(0, f"{len(absent)} layers that are quantized in int8 are not in it: {first_few(sorted(absent))}")
    warnings = [
        f"{finding.layer}: {finding.message}".lstrip(": ") for finding in findings if finding.severity == "warning"
    ]
    if errors:
        found = "; ".join(errors[:_FINDINGS_SHOWN]) + _more(errors)
        return Verdict("fail", f"{_name(model, int8.table)}: {found}", value=float(len(errors)))
    text = f"{_name(model, int8.table)}: {len(table.layers)} layers, every scale is usable"
    return Verdict("pass", "; ".join([text, *warnings]), value=0.0)
