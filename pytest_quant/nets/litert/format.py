"""The format ``litert``: ``{litert: model.tflite}``."""

from __future__ import annotations

from typing import ClassVar

from pytest_quant.nets.binding import Binding
from pytest_quant.nets.graph_format import GraphFormat
from pytest_quant.nets.graph_runner import Session
from pytest_quant.nets.litert.facts import TfliteFacts, inspect_tflite
from pytest_quant.nets.ports import Layout
from pytest_quant.spec.net import ModelNet


class LitertFormat(GraphFormat):
    """`.tflite` files in LiteRT: float, full integer, int16x8, dynamic range."""

    distribution: ClassVar[str] = "ai-edge-litert"
    extra: ClassVar[str] = "litert"
    usual_layout: ClassVar[Layout] = "nhwc"

    def read(self, net: ModelNet) -> TfliteFacts:
        """Walk the tables of the file."""
        return inspect_tflite(net.entry.file)

    def load(self, net: ModelNet, binding: Binding) -> Session:
        """Load it on one thread; raises `ModelFileError` for operators that LiteRT has no kernel for."""
        from pytest_quant.nets.litert.session import LitertSession

        self.read(net).check_runs()
        return LitertSession(net.entry.file, net.runtime, binding)
