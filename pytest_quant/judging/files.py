"""Verdicts about files alone: is the int8 net quantized, does the table belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.files.grouped import WHY, garbled_layers
from pytest_quant.nets.ncnn.files.lint import CALIBRATED_TYPES, lint_table
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.nets.ncnn.files.table import read_table
from pytest_quant.nets.ncnn.files.weights import walk
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import first_few, listed, shown
from pytest_quant.spec.verdict import Verdict

_FINDINGS_SHOWN = 4
"""How many findings about a table a message names."""


def judge_int8(model: ModelSpec) -> Verdict:
    """Decide whether the int8 net really is quantized, by its files alone."""
    facts = inspect_net(model.int8.param, model.int8.bin)
    counts = {name: len(layers) for name, layers in facts.quantized.items()}
    of = {name: len(layers) for name, layers in facts.quantizable.items()}
    if not counts:
        floats = listed(f"{count} {name}" for name, count in of.items()) or "none"
        return Verdict(
            "fail",
            f"{_name(model, model.int8.param)} has no quantized layer: it is a float net under `int8` "
            f"(layers that could be int8: {floats})",
            value=0.0,
        )
    layers = listed(f"{name} {count} of {of.get(name, count)}" for name, count in counts.items())
    names = [name for layers_of in facts.quantized.values() for name in layers_of]
    garbled = garbled_layers(read_param(model.int8.param), names)
    warning = f"; beware: {first_few(garbled)}: {WHY}" if garbled else ""
    return Verdict("pass", f"quantized layers: {layers}{warning}", value=float(sum(counts.values())))


def _name(model: ModelSpec, path: Path) -> str:
    """A file of the model for messages; of one that was built its place among the built files, the same everywhere."""
    if model.built_in is not None and path.is_relative_to(model.built_in):
        return f"built/{path.relative_to(model.built_in).as_posix()}"
    return shown(path)


def _more(errors: Sequence[str]) -> str:
    return f"; and {len(errors) - _FINDINGS_SHOWN} more" if len(errors) > _FINDINGS_SHOWN else ""


def judge_table(model: ModelSpec) -> Verdict:
    """Decide whether the calibration table belongs to the model and has usable scales."""
    if model.table is None:
        raise TypeError(f"{model.name} names no table")
    table = read_table(model.table)
    param = read_param(model.fp32.param)
    findings = lint_table(table, param, walk(param, model.fp32.bin))
    errors = [f"{finding.layer}: {finding.message}".lstrip(": ") for finding in findings if finding.severity == "error"]
    quantized = inspect_net(model.int8.param, model.int8.bin).quantized
    absent = [name for kind in CALIBRATED_TYPES for name in quantized.get(kind, ()) if name not in table.layers]
    if absent:
        errors.insert(0, f"{len(absent)} layers that are quantized in int8 are not in it: {first_few(sorted(absent))}")
    warnings = [
        f"{finding.layer}: {finding.message}".lstrip(": ") for finding in findings if finding.severity == "warning"
    ]
    if errors:
        found = "; ".join(errors[:_FINDINGS_SHOWN]) + _more(errors)
        return Verdict("fail", f"{_name(model, model.table)}: {found}", value=float(len(errors)))
    text = f"{_name(model, model.table)}: {len(table.layers)} layers, every scale is usable"
    return Verdict("pass", "; ".join([text, *warnings]), value=0.0)
