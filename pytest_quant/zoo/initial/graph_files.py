"""The ONNX, OpenVINO and LiteRT files of a folder, and what they say of a model's input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.extending.known import format_names, get_format
from pytest_quant.nets.binding import channels_first
from pytest_quant.nets.graph_format import GraphFacts, GraphFormat
from pytest_quant.nets.ports import Layout, Port
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.net import InputSpec, ModelNet
from pytest_quant.zoo.initial.folders import Place
from pytest_quant.zoo.initial.names import is_half

_PNNX_SUFFIX = ".pnnx.onnx"  # pnnx's picture of a graph, which no runtime runs
_SMALLEST_IMAGE = 8
_FORMS = ("int16x8", "dynamic", "weights only")
"""Of quantization: those that a model is rather not known for, in their order."""


@dataclass(frozen=True)
class Image:
    """What the only input of a graph takes."""

    channels: int
    layout: Layout
    size: tuple[int, int] | None
    """Width and height, where the file fixes them."""


@dataclass(frozen=True)
class GraphFile:
    """A file that a runtime other than ncnn runs."""

    path: Path
    format: str
    facts: GraphFacts
    usual_layout: Layout

    @property
    def is_quantized(self) -> bool:
        """Whether layers of it compute in int8, or have their weights in it."""
        return bool(self.facts.layers.quantized)

    @property
    def entry(self) -> dict[str, object]:
        """It as a net of a zoo file."""
        return {self.format: str(self.path)}

    @property
    def image(self) -> Image | None:
        """What it takes, where that is one image."""
        if len(self.facts.inputs) != 1:
            return None
        return _image(self.facts.inputs[0], self.usual_layout)

    @property
    def rank(self) -> tuple[bool, int, Path]:
        """Full precision before half, a usual int8 before other forms."""
        form = self.facts.layers.form
        return is_half(self.path.stem), 1 + _FORMS.index(form) if form in _FORMS else 0, self.path


def graph_suffixes() -> tuple[str, ...]:
    """How the names of such files end."""
    return tuple(suffix for _, known in _formats() for suffix in known.suffixes)


def find_graph_files(place: Place, left_out: list[str]) -> Iterator[GraphFile]:
    """Those in one folder, by format and name; what is damaged or lacks a part is told in ``left_out``."""
    for name, known in _formats():
        for path in sorted(place.path / file for file in place.files if file.endswith(known.suffixes)):
            if path.name.endswith(_PNNX_SUFFIX):
                continue
            try:
                if known.recognizes(path):
                    facts = known.read(_unbound(name, path, known))
                    known.check_runs(facts)
                    yield GraphFile(path, name, facts, known.usual_layout)
            except (ModelFileError, OSError) as error:
                left_out.append(str(error))


def _formats() -> Iterator[tuple[str, GraphFormat]]:
    for name in format_names():
        known = get_format(name)
        if isinstance(known, GraphFormat) and known.suffixes:
            yield name, known


def _unbound(name: str, path: Path, known: GraphFormat) -> ModelNet:
    """The file, of which no entry says anything yet."""
    blank = InputSpec("", None, "rgb", (0.0,) * 3, (1.0,) * 3)
    return ModelNet("fp32", name, known.keys.model_validate({"file": path}), blank, ())


def _image(port: Port, usual: Layout) -> Image | None:
    """What an image is that goes into a port; None for a port of another thing."""
    if not port.is_real or (port.shape is not None and len(port.shape) not in (3, 4)):
        return None
    if port.shape is None:
        return Image(3, usual, None)
    layouts: tuple[Layout, ...] = (port.layout,) if port.layout else (usual, "nhwc" if usual == "nchw" else "nchw")
    expected = (3, 1) if len(port.shape) == 4 else (3,)  # a lonely 1 in front of two others is a batch
    for channels in expected:
        for layout in layouts:
            found, height, width = channels_first(port.shape[-3:], layout)
            if found == channels and all(size is None or size >= _SMALLEST_IMAGE for size in (height, width)):
                return Image(channels, layout, None if width is None or height is None else (width, height))
    is_open = channels_first(port.shape[-3:], layouts[0])[0] is None
    return Image(3, layouts[0], None) if is_open else None
