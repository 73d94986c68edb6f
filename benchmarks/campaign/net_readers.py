"""Nets of other runtimes, read without being run: a sound file of each kind, and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import onnx

from benchmarks.campaign.readers import Reader
from pytest_quant.nets.litert import facts as litert
from pytest_quant.nets.onnxruntime import facts as onnxruntime
from pytest_quant.nets.openvino import facts as openvino
from tests import tiny_litert, tiny_onnx, tiny_openvino


def net_readers(folder: Path) -> list[Reader]:
    """A reader of each kind, with its files in ``folder``."""
    return [*_litert(folder / "litert"), *_openvino(folder / "ir"), *_onnx(folder / "onnx")]


def _anew(module: object, read: Callable[[Path], object], path: Path) -> object:
    """Read a file that may have changed within one tick of the clock."""
    getattr(module, "_inspect").cache_clear()  # noqa: B009 - of each of the modules
    return read(path)


def _litert(folder: Path) -> list[Reader]:
    folder.mkdir(exist_ok=True)
    found = []
    for form in ("float", "int8"):
        path = folder / tiny_litert.write_tflite(folder, f"{form}.tflite", form=form, signature=True)
        found.append(Reader.of(f".tflite, {form}", path, partial(_anew, litert, litert.inspect_tflite, path)))
    return found


def _openvino(folder: Path) -> list[Reader]:
    folder.mkdir(exist_ok=True)
    path = folder / tiny_openvino.write_ir(folder, int8=True)
    read = partial(_anew, openvino, openvino.inspect_ir, path)
    entities = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a0 "aaaaaaaaaa">{entities}]><net name="&a9;" version="11"/>'
    outside = '<!DOCTYPE net [<!ENTITY a SYSTEM "/etc/passwd">]><net name="&a;" version="11"/>'
    nested = "<layers>" * 100_000
    known = (b"", bomb.encode(), outside.encode(), nested.encode(), b"<net version='9'/>")
    return [Reader.of("IR .xml", path, read, known), Reader.of("IR .bin", path.with_suffix(".bin"), read, (b"",))]


def _onnx(folder: Path) -> list[Reader]:
    folder.mkdir(exist_ok=True)
    path = folder / tiny_onnx.write_qdq(folder)
    beside = folder / tiny_onnx.write_onnx(folder, "beside.onnx")
    tiny_onnx.put_weights_beside(beside)
    places = ("../../../../../../etc/passwd", "/etc/passwd", "", ".", "\0", "a\nb", "tiny.weights/")
    known = tuple(_elsewhere(beside, location=place) for place in places)
    known += tuple(_elsewhere(beside, offset=size) for size in ("-1", "x", "9" * 30, "9" * 5000, "1e3"))
    return [
        Reader.of(".onnx", path, partial(_anew, onnxruntime, onnxruntime.inspect_onnx, path), (b"",)),
        Reader.of(
            ".onnx, weights beside", beside, partial(_anew, onnxruntime, onnxruntime.inspect_onnx, beside), known
        ),
    ]


def _elsewhere(path: Path, **changes: str) -> bytes:
    """The file with other words on where its weights stand."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = changes.get(entry.key, entry.value)
    return bytes(model.SerializeToString())
