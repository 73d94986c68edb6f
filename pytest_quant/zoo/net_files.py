"""The ncnn nets that lie in a folder, told apart by what their files say and not by their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_quant.errors import ModelFileError
from pytest_quant.ncnn_files.facts import NetFacts, inspect_net


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
