"""Which int8 net was made from which float net, by their layers and by their names, also across folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.zoo.initial.names import base_name, is_half
from pytest_quant.zoo.net_files import FolderOfNets, NetFile


@dataclass(frozen=True)
class Pair:
    """A float net, and its int8 net where there is one."""

    fp32: NetFile
    int8: NetFile | None
    is_further: bool = False
    """Whether it is not the first int8 net of that float net."""


@dataclass(frozen=True)
class Pairs:
    """What became of all nets.

    Attributes:
        pairs: sorted by the float net's folder and name.
        alone: int8 nets without a float net.
        same: float nets that are another form (half precision, optimized) of one that has an int8 net.

    """

    pairs: tuple[Pair, ...]
    alone: tuple[NetFile, ...]
    same: tuple[NetFile, ...]


def pair_up(root: Path, folders: Sequence[FolderOfNets]) -> Pairs:
    """Pair the nets of all ``folders``, which lie in ``root``."""
    floats = [net for folder in folders for net in folder.float_nets]
    int8s = [net for folder in folders for net in folder.int8_nets]
    chosen: dict[Path, list[NetFile]] = {}
    alone = []
    for int8 in int8s:
        source = _source(root, int8, floats, int8s)
        if source is None:
            alone.append(int8)
        else:
            chosen.setdefault(source.param, []).append(int8)
    paired = {_base(root, net) for net in floats if net.param in chosen}
    same = [net for net in floats if net.param not in chosen and _base(root, net) in paired]
    pairs = [pair for net in floats if net not in same for pair in _pairs(root, net, chosen.get(net.param, []))]
    return Pairs(tuple(pairs), tuple(alone), tuple(same))


def _pairs(root: Path, net: NetFile, int8s: Sequence[NetFile]) -> Iterator[Pair]:
    first_by_name = sorted(int8s, key=lambda one: (_base(root, one) != _base(root, net), one.param))
    for number, int8 in enumerate(first_by_name):
        yield Pair(net, int8, number > 0)
    if not int8s:
        yield Pair(net, None)


def _base(root: Path, net: NetFile) -> tuple[str, ...]:
    """The path without precisions, as ``int8/x.param`` and ``fp32/x.param`` share it."""
    parts = [base_name(part) for part in net.param.relative_to(root).with_suffix("").parts]
    return tuple(part for part in parts if part)


def _source(root: Path, int8: NetFile, floats: Sequence[NetFile], int8s: Sequence[NetFile]) -> NetFile | None:
    """The float net that an int8 net was made from: ncnn's tools keep types and names of the layers."""
    like = [net for net in floats if net.signature == int8.signature]
    called = [net for net in floats if _base(root, net) == _base(root, int8)]
    both = [net for net in called if net in like]
    near = [net for net in like if net.param.parent == int8.param.parent]
    beside = [net for net in floats if net.param.parent == int8.param.parent]
    is_only = len(beside) == sum(one.param.parent == int8.param.parent for one in int8s) == 1
    for found in (_full(both), _full(called), near, like, beside if is_only else []):
        if len(found) == 1:
            return found[0]
    return both[0] if both else None


def _full(nets: Sequence[NetFile]) -> list[NetFile]:
    """Those that are not of half precision, where there are others."""
    return [net for net in nets if not is_half(net.param.stem)] or list(nets)
