"""Which ONNX, OpenVINO and LiteRT files are nets of one model: by their names, and by their layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_quant.extending.known import format_names
from pytest_quant.zoo.initial.graph_files import GraphFile
from pytest_quant.zoo.initial.names import form_words, model_key
from pytest_quant.zoo.net_files import NetFile

Key = tuple[str, ...]


@dataclass(frozen=True)
class GraphModel:
    """The nets of one model; nothing is here twice."""

    fp32: GraphFile | None
    """None where ncnn has the float net, or nobody has."""
    int8: GraphFile | None
    """None where ncnn has the int8 net, or nobody has."""
    further: Mapping[str, GraphFile] = field(default_factory=dict)
    """Name of the net to its file."""
    same: tuple[GraphFile, ...] = ()
    """Float nets that are another form of one that is there."""


class GraphModels:
    """All such files of a folder, by model."""

    def __init__(self, root: Path, files: Iterable[GraphFile], floats: Iterable[NetFile] = ()) -> None:
        """``floats``: the float nets of ncnn."""
        self._root = root
        self._files: dict[Key, list[GraphFile]] = {}
        for file in files:
            self._files.setdefault(model_key(root, file.path), []).append(file)
        self._join_by_layers({model_key(root, net.param) for net in floats})

    def _join_by_layers(self, of_ncnn: set[Key]) -> None:
        """Give quantized files of another name to the one float net of their folder that has their layers and no other.

        Only where a name says nothing: one that a float net of ncnn has, too, is of that net.
        """
        without = {key: files for key, files in self._files.items() if not any(file.is_quantized for file in files)}
        for key, files in list(self._files.items()):
            if key in of_ncnn or not all(file.is_quantized for file in files):
                continue
            alike = [other for other, floats in without.items() if any(_is_made_of(one, files[0]) for one in floats)]
            if len(alike) == 1:
                self._files[alike[0]] += self._files.pop(key)

    def take(self, net: NetFile, *, has_int8: bool) -> GraphModel:
        """What belongs to a float net of ncnn; it is given once."""
        files = self._files.pop(model_key(self._root, net.param), [])
        return _model(self._root, files, has_fp32=True, has_int8=has_int8)

    def has_float(self, net: NetFile) -> bool:
        """Whether a float net belongs to an int8 net of ncnn."""
        return any(not file.is_quantized for file in self._files.get(model_key(self._root, net.param), []))

    def rest(self, int8s: Sequence[NetFile]) -> Iterator[tuple[GraphModel, NetFile | None]]:
        """The models whose float net ncnn does not have, each with its int8 net of ncnn."""
        by_key = {model_key(self._root, net.param): net for net in int8s[::-1]}
        for key, files in self._files.items():
            ncnn = by_key.get(key)
            yield _model(self._root, files, has_fp32=False, has_int8=ncnn is not None), ncnn


def _is_made_of(fp32: GraphFile, int8: GraphFile) -> bool:
    """Whether the layers say so, which a quantizer keeps."""
    return (
        not fp32.is_quantized
        and (fp32.path.parent, fp32.format) == (int8.path.parent, int8.format)
        and fp32.facts.layers.quantizable == int8.facts.layers.quantizable
        and [port.shape for port in fp32.facts.inputs] == [port.shape for port in int8.facts.inputs]
    )


def _model(root: Path, files: Sequence[GraphFile], *, has_fp32: bool, has_int8: bool) -> GraphModel:
    """The first runtime that has both sides gives them; else each is of the first that has it."""
    order = [name for name in format_names() if any(file.format == name for file in files)]
    ranked = sorted(files, key=lambda file: (order.index(file.format), file.rank))
    floats = [file for file in ranked if not file.is_quantized]
    int8s = [file for file in ranked if file.is_quantized]
    both = [name for name in order if all(any(f.format == name for f in some) for some in (floats, int8s))]
    if both and not has_fp32 and not has_int8:
        floats.sort(key=lambda file: file.format != both[0])
        int8s.sort(key=lambda file: file.format != both[0])
    fp32 = None if has_fp32 or not floats else floats.pop(0)
    int8 = None if has_int8 or not int8s else int8s.pop(0)
    firsts = {file.format: file for file in floats[::-1] if fp32 is None or file.format != fp32.format}
    same = tuple(file for file in floats if firsts.get(file.format) is not file)
    further = [file for file in floats if file not in same] + int8s
    return GraphModel(fp32, int8, _named(root, further), same)


def _named(root: Path, files: Sequence[GraphFile]) -> dict[str, GraphFile]:
    """Names of nets: runtime and precision, as the files are called."""
    found: dict[str, GraphFile] = {}
    for file in files:
        runtime = "onnx" if file.format == "onnxruntime" else file.format
        words = form_words(root, file.path) or ("int8" if file.is_quantized else "fp32")
        name = f"{runtime}_{words}"
        found[next(one for one in (name, *(f"{name}_{i}" for i in range(2, 999))) if one not in found)] = file
    return found
