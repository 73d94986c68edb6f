"""Broken and mutated nets: refused by the walk of their files, or tried in a child; nothing kills this process.

Each net is checked and opened as a run does it: its files are walked, it is loaded and run in a child process, and what
has lived through that is run here. A death of this process would end the campaign, with its exit status.
"""

from __future__ import annotations

import struct
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.campaign.mutants import mutated_bytes, mutated_text
from benchmarks.campaign.outcome import Budget, Outcome, Try
from pytest_quant.evaluation.trials import Trials
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.spec.errors import InternalError, QuantError
from pytest_quant.spec.net import InputSpec, ModelNet
from tests import tiny

_LIMIT_S = 10.0
_INPUT = InputSpec("data", (8, 8), "rgb", (0.0,) * 3, (1.0,) * 3)
_ARRAY = np.linspace(-1, 1, 3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8)
_HEAD = "Input data 0 1 data\nConvolution conv 1 1 data conv 0=4 1=1 5=0 6=12\n"


@dataclass(frozen=True)
class Broken:
    """One broken net: text and weights of an fp32 or int8 net."""

    kind: str
    param: bytes
    bin: bytes
    may_live: bool = False
    """Whether ncnn answers rightly all the same."""


def attack(budget: Budget) -> Iterator[Try]:
    """The rows of known faults, then mutants while there is time."""
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder))
        for net in (*_files(bench), *_graphs()):
            yield bench.tried(net)
        while budget.is_left:
            for net in _mutants(bench, budget):
                yield bench.tried(net)


class _Bench:
    """A folder with a sound net of each kind, and what they answer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sound: dict[str, tuple[bytes, bytes]] = {}
        for name in ("fp32", "int8"):
            files = tiny.write_net(folder, name, int8=name == "int8")
            self.sound[name] = (folder / files["param"]).read_bytes(), (folder / files["bin"]).read_bytes()
        self._answers = [self._answer(Broken(name, *content)) for name, content in self.sound.items()]

    def _answer(self, broken: Broken) -> Array:
        param, weights = self._folder / "net.param", self._folder / "net.bin"
        param.write_bytes(broken.param)
        weights.write_bytes(broken.bin)
        net = ModelNet("fp32", NCNN, NcnnFiles(param=param, bin=weights), _INPUT, ("prob",))
        NcnnFormat().inspect(net)
        Trials(limit_s=_LIMIT_S).require(net, _ARRAY.shape)
        with closing(NcnnFormat().open(net)) as runner:
            return runner.run(_ARRAY)["prob"]

    def tried(self, broken: Broken) -> Try:
        """What comes of a net."""
        try:
            answer = self._answer(broken)
        except InternalError as error:
            return Try(broken.kind, "traceback", str(error).splitlines()[-1])
        except QuantError as error:
            return Try(broken.kind, _outcome(str(error)), str(error))
        except Exception:
            lines = traceback.format_exc().strip().splitlines()
            return Try(broken.kind, "traceback", f"{lines[-1]} of {broken.param!r}"[:600])
        if broken.may_live or (np.isfinite(answer).all() and "mutant" in broken.kind):
            return Try(broken.kind, "fine")
        return Try(broken.kind, "wrong", f"{broken.kind}: it answers {answer.ravel()[:4]}")


def _outcome(text: str) -> Outcome:
    if "did not come to an end" in text:
        return "hang"
    if "a trial run in a child process died" in text:
        return "crashed"
    return "error" if "ended from outside" in text or "gave no output" in text else "refused"


def _files(bench: _Bench) -> Iterator[Broken]:
    """Rows of what ncnn does with files that are not there, not whole, or not of each other."""
    (fp32, weights), (int8, codes) = bench.sound["fp32"], bench.sound["int8"]
    text = fp32.decode()
    yield Broken("fp32 param + int8 bin", fp32, codes)
    yield Broken("int8 param + fp32 bin", int8, weights)
    for cut in (4, 8, 16, len(codes) - 4, len(codes)):
        yield Broken("int8 bin truncated", int8, codes[: len(codes) - cut])
    for cut in (4, 16, len(weights)):
        yield Broken("fp32 bin truncated", fp32, weights[: len(weights) - cut])
    yield Broken("bin longer than needed", fp32, weights + b"\0" * 4096)
    yield Broken("bin of zeros", fp32, b"\0" * len(weights))
    yield Broken("bin random", fp32, np.random.default_rng(1).bytes(len(weights)), may_live=True)
    yield Broken("bin random", int8, np.random.default_rng(1).bytes(len(codes)), may_live=True)
    for content in (b"", b"\xff\xfe\0\1", weights, b"1.0\n", fp32[: len(fp32) // 2]):
        yield Broken("param of something else", content, weights)
    for counts in ("3 4", "9 4", "4 3", "-4 4", "2000000000 4", "4 99999999999999999999", "² 4", "4 " + "9" * 5000):
        yield Broken("counts of the header", text.replace("4 4", counts, 1).encode(), weights)
    yield Broken("blob that no layer writes", text.replace("1 1 pool prob", "1 1 pol prob").encode(), weights)
    yield Broken("unknown layer type", text.replace("Softmax", "Sofmax").encode(), weights)
    yield Broken("CRLF", text.replace("\n", "\r\n").encode(), weights, may_live=True)
    for key, value in (
        ("1=1", "1=0"),
        ("0=4", "0=0"),
        ("6=12", "6=13"),
        ("6=12", "6=-12"),
        ("6=12", "40=1"),
        ("1=1", "1=x"),
    ):
        yield Broken("impossible parameter", text.replace(key, value, 1).encode(), weights)


_GRAPHS: dict[str, Sequence[str]] = {
    "parts of a Slice": ("Slice s 1 1 conv b\nPooling p 1 1 b prob 0=1 4=1", "Slice s 1 1 conv prob -23300=2,2,2"),
    "too few inputs": (
        "Eltwise e 1 1 conv prob",
        "Concat c 0 1 prob",
        "BinaryOp b 1 1 conv prob",
        "MatMul m 1 1 conv prob",
    ),
    "too many outputs": ("Noop n 1 2 conv a prob", "ReLU r 1 2 conv prob b", "Pooling p 1 2 conv prob b 4=1"),
    "layer without input": ("ReLU r 0 1 prob", "Convolution c 0 1 prob 0=4 1=1 6=16", "Split s 0 2 prob b"),
    "other channels": (
        "Convolution c 1 1 conv prob 0=2 1=1 6=6",
        "BatchNorm n 1 1 conv prob 0=1",
        "PReLU n 1 1 conv prob 0=400",
        "Scale n 1 1 conv prob 0=3",
        "InstanceNorm n 1 1 conv prob 0=8",
        "GroupNorm n 1 1 conv prob 0=3 1=4",
        "InnerProduct f 1 1 conv prob 0=10 2=2550",
        "Deconvolution c 1 1 conv prob 0=2 1=2 6=40",
    ),
    "other shapes": (
        "Eltwise e 2 1 conv data prob",
        "Concat c 2 1 conv data prob 0=1",
        "BinaryOp e 2 1 conv data prob",
        "Reshape r 1 1 conv prob 0=10 1=10 2=4",
    ),
    "gigabytes": (
        "Interp i 1 1 conv prob 0=1 1=1000000 2=1000000",
        "Padding p 1 1 conv prob 0=1000000 2=1000000",
        "Tile t 1 1 conv prob 0=1 1=100000000",
        "Deconvolution d 1 1 conv prob 0=4 1=3 3=9000 6=144",
    ),
    "kills ncnn": ("Interp w 1 1 conv big 0=1 3=1 4=1000000\nMatMul m 2 1 conv big prob",),
}


def _graphs() -> Iterator[Broken]:
    """Nets whose layers do not fit each other: ncnn dies of them, or reads past a blob."""
    for kind, rows in _GRAPHS.items():
        for row in rows:
            lines = (_HEAD + row).splitlines()
            blobs = sum(int(line.split()[3]) for line in lines)
            text = "\n".join(["7767517", f"{len(lines)} {blobs}", *lines, ""])
            yield Broken(kind, text.encode(), _weights(row))


def _weights(row: str) -> bytes:
    """As many as the layers of a row take, small and of one value."""
    data = struct.pack("<I", 0) + np.full(12, 0.1, "<f4").tobytes()
    for line in row.splitlines():
        name, *words = line.split()
        keys = dict(word.split("=") for word in words if "=" in word)
        if name in ("Convolution", "Deconvolution", "InnerProduct"):
            count = int(keys["2" if name == "InnerProduct" else "6"])
            data += struct.pack("<I", 0) + np.full(count, 0.1, "<f4").tobytes()
        elif name in ("BatchNorm", "PReLU", "Scale", "InstanceNorm", "GroupNorm"):
            count = int(keys["1" if name == "GroupNorm" else "0"])
            times = {"BatchNorm": 4, "InstanceNorm": 2, "GroupNorm": 2}.get(name, 1)
            data += np.full(count * times, 0.1, "<f4").tobytes()
    return data


def _mutants(bench: _Bench, budget: Budget) -> Iterator[Broken]:
    chance = budget.random
    for name, (param, weights) in bench.sound.items():
        yield Broken(
            f"mutant of a {name} .param", mutated_text(param.decode(), chance).encode("utf-8", "replace"), weights
        )
        yield Broken(f"mutant of a {name} .bin", param, mutated_bytes(weights, chance))
    lines = chance.choice([row for rows in _GRAPHS.values() for row in rows if "gigabytes" not in row])
    text = mutated_text(f"7767517\n3 9\n{_HEAD}{lines}\n", chance)
    yield Broken("mutant of layers that do not fit", text.encode("utf-8", "replace"), _weights(lines))
