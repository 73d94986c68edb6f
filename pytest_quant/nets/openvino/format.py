"""The format ``openvino``: ``{openvino: model.xml}`` or ``{openvino: model.onnx}``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pytest_quant.nets.binding import Binding
from pytest_quant.nets.graph_format import GraphFacts, GraphFormat
from pytest_quant.nets.graph_runner import Session
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import open_regular

_BEGINNING = 1024


class OpenvinoFormat(GraphFormat):
    """OpenVINO's IR and ONNX files on its CPU plugin, one stream on one thread."""

    distribution: ClassVar[str] = "openvino"
    extra: ClassVar[str] = "openvino"
    suffixes: ClassVar[tuple[str, ...]] = (".xml",)

    def recognizes(self, path: Path) -> bool:
        """Annotations are XML, too, and there may be thousands of them."""
        with open_regular(path) as file:
            return b"<net" in file.read(_BEGINNING)

    def read(self, net: ModelNet) -> GraphFacts:
        """The facts of an IR or of an ONNX file."""
        path = net.entry.file
        if path.suffix == ".onnx":
            from pytest_quant.nets.onnxruntime.facts import inspect_onnx  # onnx is imported only where it is needed

            return inspect_onnx(path)
        if path.suffix != ".xml":
            raise ModelFileError(
                f"{shown(path)}: expected an OpenVINO IR (.xml, with its .bin beside it) or an ONNX file (.onnx)"
            )
        from pytest_quant.nets.openvino.facts import inspect_ir

        return inspect_ir(path)

    def files(self, net: ModelNet) -> Mapping[str, Path]:
        """The `.xml` and its `.bin`, or the ONNX file and those that hold its weights."""
        found = super().files(net)
        return found if net.entry.file.suffix != ".xml" else {"": net.entry.file, ".bin": self.read(net).files[1]}

    def load(self, net: ModelNet, binding: Binding) -> Session:
        """Compile it for the CPU."""
        from pytest_quant.nets.openvino.session import OpenvinoSession

        return OpenvinoSession(net.entry.file, net.runtime, binding)
