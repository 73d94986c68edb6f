"""What the predictions of a net are kept under: another version of its runtime is another net."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_quant.extending.known import get_format
from tests import tiny_onnx, tiny_openvino
from tests.unit.nets.nets import net_of


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "litert"])
def test_another_version_of_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str) -> None:
    names: dict[str, Callable[[Path], str]] = {"onnxruntime": tiny_onnx.write_onnx, "openvino": tiny_openvino.write_ir}
    path = tmp_path / (names[runtime](tmp_path) if runtime in names else "nothing.tflite")
    net, found = net_of(runtime, path), get_format(runtime)
    kept = []
    for version in ("1.0", "1.0", "1.1"):
        monkeypatch.setattr(type(found), "version", lambda _, version=version: version)
        kept.append(found.key(net, {"": "digest"}))
    assert kept[0] == kept[1]
    assert kept[0] != kept[2]
    other = net_of(runtime, path, layout="nhwc")
    assert found.key(other, {"": "digest"}) != kept[2], "and so are other options"
    assert found.key(net, {"": "another"}) != kept[2], "and other files"
