"""The ncnn nets that lie in a folder, told apart by what their files say and not by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pytest_quant.nets.ncnn.files.facts import NetFacts, net_facts
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.lfs import why_absent
from pytest_quant.spec.text import listed, shown
from pytest_quant.spec.whole_file import open_regular
from pytest_quant.zoo.draft import Draft

_POINTER_BYTES = 200
_PNNX_SUFFIX = ".pnnx.param"  # pnnx's own graph, which no runtime reads


@dataclass(frozen=True)
class NetFile:
    """A ``.param`` file with its facts."""

    param: Path
    facts: NetFacts
    net: Param

    @property
    def bin(self) -> Path:
        """The file of its weights, which may not exist."""
        return self.param.with_suffix(".bin")

    @cached_property
    def signature(self) -> tuple[tuple[str, str], ...]:
        """Types and names of its layers, which an int8 net shares with the float net that it was made from."""
        return tuple((layer.type, layer.name) for layer in self.net.layers)

    @property
    def layers(self) -> int:
        """Number of quantized layers."""
        return sum(map(len, self.facts.quantized.values()))


@dataclass(frozen=True)
class FolderOfNets:
    """All ``.param`` files of a folder, sorted by name."""

    path: Path
    float_nets: tuple[NetFile, ...]
    int8_nets: tuple[NetFile, ...]
    damaged: tuple[str, ...]
    """Files that are not nets, and why."""

    @property
    def nets(self) -> tuple[NetFile, ...]:
        """All nets."""
        return (*self.float_nets, *self.int8_nets)


def find_nets(folder: Path) -> FolderOfNets:
    """Read the ``.param`` files of a folder; weights are not looked at."""
    nets: list[NetFile] = []
    damaged: list[str] = []
    for path in sorted(folder.glob("*.param")):
        if path.name.endswith(_PNNX_SUFFIX):
            continue
        try:
            net = read_param(path)
            nets.append(NetFile(path, net_facts(net), net))
        except ModelFileError as error:
            damaged.append(str(error))
    return FolderOfNets(
        folder,
        tuple(net for net in nets if not net.facts.is_quantized),
        tuple(net for net in nets if net.facts.is_quantized),
        tuple(damaged),
    )


def put_net(draft: Draft, side: str, net: NetFile) -> None:
    """Put the files of a net into a draft; weights that are not there are a problem of it."""
    draft.put(str(net.param), side, "param")
    draft.put(str(net.bin), side, "bin")
    if not net.bin.is_file():
        draft.problem(f"{shown(net.bin)} does not exist; expected the weights of {net.param.name} there", (side,))
        return
    with open_regular(net.bin) as file:
        absent = why_absent(file.read(_POINTER_BYTES))
    if absent is not None:
        draft.problem(f"{shown(net.bin)} {absent}", (side,))


def put_onnx(draft: Draft, net: NetFile) -> None:
    """Put the ONNX file that a float net was converted from into a draft, where it lies beside it."""
    path = net.param.with_suffix(".onnx")
    if path.is_file():
        draft.put(str(path), "onnx")
        draft.remark(
            f"{shown(path)} lies beside the net, so the cases onnx[...] hold the conversion against it; `onnx: null` "
            "leaves them out",
            ("onnx",),
        )


def tables_beside(*nets: NetFile | None) -> list[Path]:
    """The calibration tables in the folders of these nets."""
    folders = dict.fromkeys(net.param.parent for net in nets if net is not None)
    return [path for folder in folders for path in sorted(folder.glob("*.table"))]


def put_table(draft: Draft, tables: Sequence[Path], *stems: str) -> None:
    """Put the calibration table of an int8 net: the one that is called like the first of ``stems``, or the only one."""
    if "int8" not in draft.entry or not tables:
        return
    for own in (*([path for path in tables if path.stem == stem] for stem in stems), tables):
        if len(own) == 1:
            draft.put(str(own[0]), "int8", "table")
            return
    found = listed(path.name for path in tables)
    draft.note(f"{shown(tables[0].parent)} has {len(tables)} tables, none is taken: {found}", ("int8", "table"))
