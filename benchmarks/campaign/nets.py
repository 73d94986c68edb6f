"""Broken and mutated nets: refused by the walk of their files, or tried in a child; nothing kills this process.

Each net is checked and opened as a run does it: its files are walked, it is loaded and run in a child process, and what
has lived through that is run twice, in processes whose fresh memory holds other bytes: a net that reads what lies
behind a blob gives itself away by another answer.
"""

from __future__ import annotations

import struct
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.campaign.answers import Differing, answer_of
from benchmarks.campaign.chance import Chance
from benchmarks.campaign.engines import Target, explored
from benchmarks.campaign.graphs import GRAPHS, SMALL, SOUND
from benchmarks.campaign.mutants import mutated_bytes, mutated_text
from benchmarks.campaign.outcome import Budget, Outcome, Try
from pytest_quant.evaluation.trials import Trials
from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.files.arrays import array_specs
from pytest_quant.nets.ncnn.files.layer_params import ParamValue
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.spec.errors import InternalError, ModelFileError, QuantError
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
        for net in (*_files(bench), *_graphs(), *_sound_graphs()):
            yield bench.tried(net)
        yield from explored("nets", _targets(bench), budget)


def known_faults(folder: Path) -> Iterator[Try]:
    """What comes of each known fault; the files of the nets lie in ``folder``."""
    bench = _Bench(folder)
    for net in (*_files(bench), *_graphs()):
        yield bench.tried(net)


def targets(folder: Path) -> list[Target]:
    """The kinds of mutants, whose files lie in ``folder``."""
    return _targets(_Bench(folder))


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
        return answer_of(net, _ARRAY, "prob")

    def tried(self, broken: Broken) -> Try:
        """What comes of a net."""
        try:
            answer = self._answer(broken)
        except InternalError as error:
            return Try(broken.kind, "traceback", str(error).splitlines()[-1])
        except QuantError as error:
            outcome = _outcome(str(error))
            return Try(broken.kind, outcome, f"{error}; of {broken.param!r}"[:900] if outcome == "hang" else str(error))
        except Differing as error:
            return Try(broken.kind, "wrong", f"{error}; of {broken.param!r}"[:900])
        except Exception:
            lines = traceback.format_exc().strip().splitlines()
            return Try(broken.kind, "traceback", f"{lines[-1]} of {broken.param!r}"[:600])
        if broken.may_live or (np.isfinite(answer).all() and ("mutant" in broken.kind or "that fit" in broken.kind)):
            return Try(broken.kind, "fine")
        return Try(broken.kind, "wrong", f"it answers {answer.ravel()[:4]}; {broken.param!r}"[:900])


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


def _graphs() -> Iterator[Broken]:
    """Nets whose layers do not fit each other: ncnn dies of them, or reads past a blob."""
    for kind, rows in GRAPHS.items():
        for row in rows:
            yield Broken(kind, _text_of(row).encode(), _weights(row))


def _weights(rows: str) -> bytes:
    """As many as the layers of these rows take, small and of one value."""
    layers = tuple(_layer(line) for line in (_HEAD + rows).splitlines())
    data = b""
    for layer in layers:
        with suppress(ModelFileError):  # sizes that no layer has
            for array in array_specs(Param(Path("net.param"), layers), layer) or ():
                data += struct.pack("<I", 0) if array.tagged else b""
                if array.is_packed:
                    data += bytes(-(-array.count // 4) * 4)
                else:
                    data += np.full(array.count, 0.1, "<f4").tobytes()
    return data


def _layer(line: str) -> Layer:
    kind, name, reads, _, *words = line.split()
    params: dict[int, ParamValue] = {}
    for key, value in (word.split("=", 1) for word in words if "=" in word):
        numbers = [int(number) for number in value.split(",") if number.lstrip("-").isdecimal()]
        params[int(key) if int(key) >= 0 else -23300 - int(key)] = (
            tuple(numbers[1:]) if int(key) < 0 else numbers[0] if numbers else value
        )
    blobs = [word for word in words if "=" not in word]
    return Layer(kind, name, tuple(blobs[: int(reads)]), tuple(blobs[int(reads) :]), params, 0)


def _targets(bench: _Bench) -> list[Target]:
    found = [
        Target("mutant of the sizes of layers", lambda chance: bench.tried(_other_sizes(chance))),
        Target("mutant of layers that do not fit", lambda chance: bench.tried(_mutated_graph(chance))),
    ]
    for name, (param, weights) in bench.sound.items():
        found += [_mutated_param(bench, name, param, weights), _mutated_bin(bench, name, param, weights)]
    return found


def _mutated_param(bench: _Bench, name: str, param: bytes, weights: bytes) -> Target:
    kind, text = f"mutant of a {name} .param", param.decode()
    return Target(
        kind,
        lambda chance: bench.tried(Broken(kind, mutated_text(text, chance).encode("utf-8", "replace"), weights)),
    )


def _mutated_bin(bench: _Bench, name: str, param: bytes, weights: bytes) -> Target:
    kind = f"mutant of a {name} .bin"
    return Target(kind, lambda chance: bench.tried(Broken(kind, param, mutated_bytes(weights, chance))))


def _mutated_graph(chance: Chance) -> Broken:
    lines = chance.choice(SMALL)
    text = mutated_text(_text_of(lines), chance)
    return Broken("mutant of layers that do not fit", text.encode("utf-8", "replace"), _weights(lines))


def _text_of(rows: str) -> str:
    lines = (_HEAD + rows).splitlines()
    blobs = sum(int(line.split()[3]) for line in lines)
    return "\n".join(["7767517", f"{len(lines)} {blobs + 4}", *lines, ""])


def _sound_graphs() -> Iterator[Broken]:
    yield from (Broken("layers that fit", _text_of(rows).encode(), _weights(rows)) for rows in SOUND)


def _other_sizes(chance: Chance) -> Broken:
    """A net with one to three other sizes, small ones."""
    rows = chance.choice(SOUND)
    words = rows.split(" ")
    places = [at for at, word in enumerate(words) if "=" in word]
    for _ in range(1 + chance.randrange(3)):
        at = chance.choice(places)
        key, _, value = words[at].partition("=")
        numbers = value.split("\n")[0].split(",")
        numbers[chance.randrange(len(numbers))] = chance.choice(
            ("0", "1", "2", "3", "4", "5", "7", "8", "9", "16", "-1")
        )
        rest = value.partition("\n")[1:]
        words[at] = f"{key}={','.join(numbers)}{''.join(rest)}"
    changed = " ".join(words)
    return Broken("mutant of the sizes of layers", _text_of(changed).encode(), _weights(changed))
