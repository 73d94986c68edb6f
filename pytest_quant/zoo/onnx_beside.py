"""Whether an ONNX file that lies beside a net, and that nobody named, can be run in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from pytest_quant.evaluation.net_checks import inspect
from pytest_quant.nets.graph_format import GraphKeys
from pytest_quant.nets.onnxruntime.format import ONNXRUNTIME
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec, ModelNet
from pytest_quant.zoo.draft import Draft, filled
from pytest_quant.zoo.schema import InputEntry

_ONNX = ("onnx",)


def why_not_run(path: Path, entry: Mapping[str, object]) -> str | None:
    """Why an ONNX file does not fit an entry, which may still lack keys; None when it does."""
    return why_graph_not_run("onnx", ONNXRUNTIME, path, entry)


def why_graph_not_run(net: str, net_format: str, path: Path, entry: Mapping[str, object]) -> str | None:
    """Why a file of a format that is one file does not fit an entry, which may still lack keys; None when it does."""
    output = entry.get("output", [])
    names = [output] if isinstance(output, str) else output
    blobs = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    arrays = entry.get("inputs")
    inputs = tuple((str(name), None) for name in arrays) if isinstance(arrays, Mapping) else ()
    spec = _input(entry.get("input"))
    try:
        inspect(ModelNet(net, net_format, GraphKeys(file=path), spec, tuple(blobs), input_names=inputs))
    except ConfigError as error:
        return str(error)
    return None


def _input(raw: object) -> InputSpec:
    """What an entry says of the input as far as it is right: the rest is told elsewhere."""
    known = {"blob": "", **{key: raw[key] for key in ("size", "color") if isinstance(raw, Mapping) and key in raw}}
    try:
        entry = InputEntry.model_validate(known)
    except ValidationError:
        entry = InputEntry(blob="")
    channels = 1 if entry.color == "gray" else 3
    spec = InputSpec("", None, entry.color, (0.0,) * channels, (1.0,) * channels, 1.0)
    return spec if entry.size is None else replace(spec, size=(entry.size[0], entry.size[1]))


def leave_out_unusable(draft: Draft, own: Mapping[str, object]) -> None:
    """Take an ONNX file out of a draft that could not be run beside what the zoo file's ``own`` entry says.

    A good pair of nets does not fail for a file that nobody asked for; a note tells how to name it or another.
    """
    if "onnx" in own or "onnx" not in draft.entry:
        return
    reason = why_not_run(Path(draft.entry["onnx"]), filled(own, draft.entry))
    if reason is None:
        return
    del draft.entry["onnx"]
    draft.findings = [finding for finding in draft.findings if _ONNX not in finding.settled_by]
    draft.note(
        f"{reason}. It is left out, so nothing holds the conversion against an ONNX file; `onnx: {{file, input, "
        "outputs}` names one, `onnx: null` says that there is none",
        _ONNX,
    )
