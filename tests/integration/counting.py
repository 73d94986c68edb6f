"""Count forward passes in every process of a run, and let a process die in one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

LOG = "passes.log"

CONFTEST = f"""
import hashlib
import os
from pathlib import Path

from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner

HERE = Path(__file__).parent
forward = getattr(NcnnRunner.run, "forward", NcnnRunner.run)  # in one process this module may run twice


def counted(net, array):
    files = net._setup.files
    stem = files.param.stem
    for way in ("once", "always"):
        mine = HERE / f"die-{{way}}-{{stem}}"
        if mine.exists():
            if way == "once":
                mine.unlink()
            os._exit(9)
    content = hashlib.sha256(files.bin.read_bytes()).hexdigest()
    line = f"{{stem}} {{content}} {{hashlib.sha256(array.tobytes()).hexdigest()}}\\n"
    with open(HERE / "{LOG}", "a") as log:  # one short write in append mode is one step
        log.write(line)
    return forward(net, array)


counted.forward = forward
NcnnRunner.run = counted
"""


def write_conftest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count in every run below ``folder``, until the end of the test."""
    monkeypatch.setattr(NcnnRunner, "run", NcnnRunner.run)  # to be put back, since a run in this process replaces it
    (folder / "conftest.py").write_text(CONFTEST)


def make_distinct(folder: Path, names: Sequence[str]) -> None:
    """Change a bit or two of each model's nets, which `tiny` writes all alike: equal nets are evaluated once."""
    for index, name in enumerate(names, start=1):
        for stem, offset in ((name, 4), (f"{name}-int8", 16)):  # low bits of the first weight, or bias
            path = folder / f"{stem}.bin"
            data = bytearray(path.read_bytes())
            data[offset] ^= index
            path.write_bytes(data)


def die(folder: Path, net: str, *, always: bool = False) -> None:
    """Let the process die that next runs the net, or each that does."""
    (folder / f"die-{'always' if always else 'once'}-{net}").touch()


def passes(folder: Path) -> Counter[tuple[str, str]]:
    """Forward passes since the last call, by content of net and input; a pass of an equal net is the same pass."""
    return Counter((net, array) for _, net, array in _lines(folder))


def passes_by_net(folder: Path) -> dict[str, int]:
    """Forward passes since the last call, by name of net."""
    return dict(Counter(stem for stem, _, _ in _lines(folder)))


def _lines(folder: Path) -> list[tuple[str, str, str]]:
    path = folder / LOG
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [(stem, net, array) for stem, net, array in map(str.split, lines)]
