"""The ncnn nets that lie in a folder, told apart by what their files say and not by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_quant.nets.ncnn.files.facts import NetFacts, inspect_net
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.text import listed, shown
from pytest_quant.zoo.draft import Draft


@dataclass(frozen=True)
class NetFile:
    """A ``.param`` file with its facts."""

    param: Path
    facts: NetFacts

    @property
    def bin(self) -> Path:
        """The file of its weights, which may not exist."""
        return self.param.with_suffix(".bin")

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
    """Files that are no nets, and why."""

    @property
    def nets(self) -> tuple[NetFile, ...]:
        """All nets."""
        return (*self.float_nets, *self.int8_nets)


def find_nets(folder: Path) -> FolderOfNets:
    """Read the ``.param`` files of a folder; weights are not looked at."""
    nets: list[NetFile] = []
    damaged: list[str] = []
    for path in sorted(folder.glob("*.param")):
        try:
            nets.append(NetFile(path, inspect_net(path, None)))
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


def put_table(draft: Draft, folder: Path, fp32: NetFile | None) -> None:
    """Put the calibration table beside an int8 net: the one that is named after the float net, or the only one."""
    if "int8" not in draft.entry:
        return
    tables = sorted(folder.glob("*.table"))
    own = [path for path in tables if fp32 is not None and path.stem == fp32.param.stem]
    if len(own or tables) == 1:
        draft.put(str((own or tables)[0]), "int8", "table")
    elif tables:
        found = listed(path.name for path in tables)
        draft.note(f"{shown(folder)} has {len(tables)} tables, none is taken: {found}", ("int8", "table"))
