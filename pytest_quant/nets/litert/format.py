"""The format ``litert``: ``{litert: model.tflite}``."""

from __future__ import annotations

from typing import ClassVar

from pytest_quant.nets.binding import Binding
from pytest_quant.nets.graph_format import GraphFacts, GraphFormat
from pytest_quant.nets.graph_runner import Session
from pytest_quant.nets.litert.facts import TfliteFacts, inspect_tflite
from pytest_quant.nets.ports import Layout
from pytest_quant.spec.net import ModelNet


class LitertFormat(GraphFormat):
    """`.tflite` files in LiteRT: float, full integer, int16x8, dynamic range."""

    distribution: ClassVar[str] = "ai-edge-litert"
    extra: ClassVar[str] = "litert"
    suffixes: ClassVar[tuple[str, ...]] = (".tflite",)
    usual_layout: ClassVar[Layout] = "nhwc"

    def read(self, net: ModelNet) -> TfliteFacts:
        """Walk the tables of the file."""
        return inspect_tflite(net.entry.file)

    def check_runs(self, facts: GraphFacts) -> None:
        """Raise `ModelFileError` for operators that LiteRT has no kernel for."""
        if isinstance(facts, TfliteFacts):
            facts.check_runs()

    def load(self, net: ModelNet, binding: Binding) -> Session:
        """Load it on one thread; raises `ModelFileError` for operators that LiteRT has no kernel for."""
        from pytest_quant.nets.litert.session import LitertSession

        self.check_runs(self.read(net))
        return LitertSession(net.entry.file, net.runtime, binding)
