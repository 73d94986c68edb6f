"""What the formats have in common whose files tell a graph with named inputs and outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar, Protocol

from pytest_quant.nets.base import Runner
from pytest_quant.nets.binding import Binding, Graph, Layouts, bind
from pytest_quant.nets.format import NetFormat, NetKeys, OneFile, StaticFacts
from pytest_quant.nets.graph_runner import GraphRunner, Session
from pytest_quant.nets.layers import QuantizedLayers
from pytest_quant.nets.ports import Layout
from pytest_quant.spec.errors import RunnerError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown


class GraphKeys(OneFile):
    """A file, and how it orders the dimensions of images where the file itself does not tell."""

    layout: Layout | None = None
    """Of the input."""
    output_layout: Layout | None = None
    """Of outputs that are images; None: as the input."""


class GraphFacts(Graph, Protocol):
    """What a file tells without being run."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The file and those that hold its weights."""
        ...

    @property
    def layers(self) -> QuantizedLayers:
        """Which of its layers compute in int8."""
        ...


class GraphFormat(NetFormat):
    """A format that says how a file is read and loaded; the rest follows from its inputs and outputs."""

    keys: ClassVar[type[NetKeys]] = GraphKeys
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Of the files that `pytest-quant init` takes for nets of this format."""
    usual_layout: ClassVar[Layout] = "nchw"
    """Where neither the entry nor the file tells."""
    distribution: ClassVar[str]
    """The package that holds the runtime."""
    extra: ClassVar[str]
    """The extra of this package that installs it; empty where it always is."""

    @abstractmethod
    def read(self, net: ModelNet) -> GraphFacts:
        """What the file tells; the runtime is not asked. Raises `ModelFileError` for a damaged one."""

    @abstractmethod
    def load(self, net: ModelNet, binding: Binding) -> Session:
        """The file in its runtime, on one thread.

        Raises `ImportError` where the runtime is not there, `ModelFileError` where it cannot load the file.
        """

    def recognizes(self, path: Path) -> bool:
        """Whether a file of one of ``suffixes`` is meant to be a net, by its beginning; others may end so, too."""
        return path.is_file()

    def check_runs(self, facts: GraphFacts) -> None:
        """Raise `ModelFileError` for what the runtime is known to lack."""

    def version(self) -> str:
        """Of the runtime."""
        return version(self.distribution)

    def options(self, net: ModelNet) -> dict[str, object]:
        """What the entry says beside the file."""
        found: dict[str, object] = net.entry.model_dump(mode="json", exclude={"file"})
        return found

    def files(self, net: ModelNet) -> Mapping[str, Path]:
        """The file, and those that hold its weights."""
        first, *others = self.read(net).files
        return {"": first, **{f":{path.name}": path for path in others}}

    def inspect(self, net: ModelNet) -> StaticFacts:
        """Read the file, and hold inputs, outputs, channels and sizes against the entry."""
        facts = self.read(net)
        self._bound(net, facts)
        layers = facts.layers
        return StaticFacts(
            quantized=layers.quantized, quantizable=layers.quantizable, form=layers.form, kept_float=layers.kept_float
        )

    def open(self, net: ModelNet) -> Runner:
        """Load it on one thread."""
        binding = self._bound(net, self.read(net))
        try:
            session = self.load(net, binding)
        except ImportError as error:
            raise RunnerError(f"{shown(net.entry.file)}: {self._lacking(error)}") from None
        return GraphRunner(shown(net.entry.file), binding, net.input.channels, session)

    def _bound(self, net: ModelNet, facts: GraphFacts) -> Binding:
        entry = net.entry
        layouts = Layouts(self.usual_layout)
        if isinstance(entry, GraphKeys):
            layouts = Layouts(self.usual_layout, entry.layout, entry.output_layout)
        return bind(net, facts, layouts)

    def _lacking(self, error: ImportError) -> str:
        """What to do where the runtime is not there."""
        try:
            self.version()
        except PackageNotFoundError:
            return f'{self.distribution} runs it and is not installed: pip install "pytest-quant[{self.extra}]"'
        return f"{self.distribution} is installed but cannot be imported: {error}. Install it anew"
