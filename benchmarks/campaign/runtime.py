"""What ncnn's Python API takes without a word: rows of facts about it, each with what the project's runner does.

ncnn accepts wrong types, wrong shapes, memory that is gone, and answers. Here each such fact is done to the runner: it
must refuse in words, or answer as it does for the plain array.
"""

from __future__ import annotations

import gc
import os
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.campaign.outcome import Budget, Outcome, Try
from pytest_quant.nets.base import Array, Runner
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.spec.errors import InternalError, QuantError
from pytest_quant.spec.net import InputSpec, ModelNet
from tests import tiny

_INPUT = InputSpec("data", (8, 8), "rgb", (0.0,) * 3, (1.0,) * 3)
_ARRAY = np.linspace(-1, 1, 3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8)


@dataclass(frozen=True)
class _Place:
    """A sound net, fp32 or int8."""

    folder: Path
    name: str

    @property
    def files(self) -> NcnnFiles:
        return NcnnFiles(param=self.folder / f"tiny-{self.name}.param", bin=self.folder / f"tiny-{self.name}.bin")

    def net(self, **changes: object) -> ModelNet:
        given = {"name": "fp32", "format": NCNN, "entry": self.files, "input": _INPUT, "outputs": ("prob",), **changes}
        return ModelNet(**given)  # type: ignore[arg-type]

    def open(self, **changes: object) -> Runner:
        return NcnnFormat().open(self.net(**changes))

    def run(self, array: Array) -> Array:
        with closing(self.open()) as runner:
            return runner.run(array)["prob"]


Row = Callable[[_Place], Array]
"""Does to the runner what ncnn takes, and gives its answer; raises a `QuantError` where it refuses."""


def _fed(array: Array) -> Row:
    return lambda place: place.run(array)


def _strided(place: _Place) -> Array:
    wide = np.zeros((3, 8, 16), np.float32)
    wide[:, :, ::2] = _ARRAY
    return place.run(wide[:, :, ::2])


def _transposed(place: _Place) -> Array:
    return place.run(np.ascontiguousarray(_ARRAY.transpose(1, 2, 0)).transpose(2, 0, 1))


def _reversed(place: _Place) -> Array:
    return place.run(np.ascontiguousarray(_ARRAY[::-1])[::-1])


def _temporary(place: _Place) -> Array:
    """The array is gone when the net has been asked; so is the net when the answer is looked at."""
    with closing(place.open()) as runner:
        found = runner.run(_ARRAY.copy())["prob"]
    del runner
    gc.collect()
    for _ in range(50):  # what was freed is used again
        np.full(4096, 9, np.float32)
    return found


def _twice(place: _Place) -> Array:
    """An extractor that is used again gives the old answer."""
    with closing(place.open()) as runner:
        runner.run(np.zeros_like(_ARRAY))
        return runner.run(_ARRAY)["prob"]


def _read_only(place: _Place) -> Array:
    """A first layer that works in place writes through a `Mat` of an array, also where that is read-only."""
    held = _ARRAY.copy()
    held.flags.writeable = False
    found = place.run(held)
    if not np.array_equal(held, _ARRAY):
        raise AssertionError("the array that was given has changed")
    return found


def _inner_then_last(place: _Place) -> Array:
    """In light mode a blob is gone when it has been read: the last blob first, then one before it."""
    with closing(place.open(outputs=("prob", "pool"))) as runner:
        return runner.run(_ARRAY)["prob"]


def _unknown_output(place: _Place) -> Array:
    with closing(place.open(outputs=("nothing",))) as runner:
        return runner.run(_ARRAY)["nothing"]


def _unknown_input(place: _Place) -> Array:
    with closing(place.open(input_name="nothing")) as runner:
        return runner.run(_ARRAY)["prob"]


def _one_blob(place: _Place) -> Array:
    """An int8 blob comes as whole numbers where nobody divides by its scale; the last one is float in any case."""
    with closing(BlobExtractor(place.files.param, place.files.bin)) as extractor:
        return dict(extractor(_ARRAY, ["prob"]))["prob"]


def _odd_name(place: _Place) -> Array:
    """A path: ncnn takes it as text, not as `pathlib.Path`."""
    other = place.folder / "mödel 模型"
    other.mkdir(exist_ok=True)
    paths = []
    for path in (place.files.param, place.files.bin):
        paths.append(other / path.name)
        paths[-1].write_bytes(path.read_bytes())
    with closing(place.open(entry=NcnnFiles(param=paths[0], bin=paths[1]))) as runner:
        return runner.run(_ARRAY)["prob"]


def _again(place: _Place) -> Array:
    """Loaded, closed, loaded again."""
    place.run(_ARRAY)
    return place.run(_ARRAY)


def _pickled(place: _Place) -> Array:
    """A net of ncnn does not pickle; what is sent to another process is what it is loaded from."""
    with closing(NcnnFormat().open(pickle.loads(pickle.dumps(place.net())))) as runner:  # noqa: S301 - our own
        return runner.run(_ARRAY)["prob"]


def _filled(place: _Place) -> Array:
    """To write into an answer, or into the array that was given, changes nothing of the net's memory."""
    with closing(place.open()) as runner:
        given = _ARRAY.copy()
        answer = runner.run(given)["prob"]
        given.fill(9)
        answer.fill(9)
        return runner.run(_ARRAY)["prob"]


def _after_close(place: _Place) -> Array:
    runner = place.open()
    runner.close()
    return runner.run(_ARRAY)["prob"]


def _in_threads(place: _Place) -> Array:
    found: list[Array] = []
    threads = [threading.Thread(target=lambda: found.append(place.run(_ARRAY))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if any(not np.array_equal(one, found[0]) for one in found) or len(found) != len(threads):
        raise AssertionError("four threads do not give one answer")
    return found[0]


def _forked(place: _Place) -> Array:
    """A fork of a process that has run a net with two threads hangs in OpenMP; the runner takes one thread."""
    place.run(_ARRAY)
    back, to = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(to, pickle.dumps(place.run(_ARRAY)))
        os._exit(0)
    os.close(to)
    with os.fdopen(back, "rb") as file:
        found: Array = pickle.loads(file.read())  # noqa: S301 - of the fork
    os.waitpid(pid, 0)
    return found


_BOUND = np.float32(np.inf)
_BAD_VALUE = _ARRAY.copy()
_BAD_VALUE[0, 3, 3] = np.nan

_ROWS: dict[str, dict[str, Row]] = {
    "wrong type of input": {
        **{dtype: _fed(_ARRAY.astype(dtype)) for dtype in ("float16", "float64", "int32", "uint8", "int8", "bool")},
        "complex64": _fed(_ARRAY.astype("complex64")),
    },
    "wrong shape of input": {
        "1 channel": _fed(_ARRAY[:1]),
        "4 channels": _fed(np.zeros((4, 8, 8), np.float32)),
        "2-D": _fed(_ARRAY[0]),
        "1-D": _fed(_ARRAY.ravel()),
        "4-D": _fed(_ARRAY[None]),
        "channels last": _fed(np.ascontiguousarray(_ARRAY.transpose(1, 2, 0))),
        "5x5": _fed(np.zeros((3, 5, 5), np.float32)),
        "empty": _fed(np.zeros((3, 0, 8), np.float32)),
    },
    "NaN or infinite input": {
        "one NaN": _fed(_BAD_VALUE),
        "all NaN": _fed(np.full_like(_ARRAY, np.nan)),
        "infinite": _fed(np.full_like(_ARRAY, _BOUND)),
    },
    "array not contiguous": {"strided": _strided, "transposed": _transposed, "reversed": _reversed},
    "life of memory": {
        "temporary": _temporary,
        "read-only": _read_only,
        "written over": _filled,
        "after close": _after_close,
    },
    "extractor": {"used twice": _twice, "order of outputs": _inner_then_last, "int8 blob": _one_blob},
    "name that is not there": {"output": _unknown_output, "input": _unknown_input},
    "loading": {"path": _odd_name, "again": _again, "pickled": _pickled},
    "threads and forks": {"threads": _in_threads, "fork": _forked},
}
_MUST_BE_REFUSED = frozenset({"wrong shape of input", "NaN or infinite input", "name that is not there"})


def attack(_budget: Budget) -> Iterator[Try]:
    """Each row with an fp32 and an int8 net."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("fp32", "int8"):
            tiny.write_net(Path(folder), f"tiny-{name}", int8=name == "int8")
            place = _Place(Path(folder), name)
            right = place.run(_ARRAY)
            for kind, rows in _ROWS.items():
                for what, row in rows.items():
                    yield _tried(kind, f"{name}, {what}", row, place, right)


def _tried(kind: str, what: str, row: Row, place: _Place, right: Array) -> Try:
    try:
        found = row(place)
    except InternalError as error:
        return Try(kind, "traceback", f"{what}: {error}")
    except QuantError as error:
        return Try(kind, "refused", f"{what}: {error}")
    except Exception as error:
        return Try(kind, "traceback", f"{what}: {error!r}")
    is_right = kind not in _MUST_BE_REFUSED and np.array_equal(found, right)
    outcome: Outcome = "fine" if is_right else "wrong"
    return Try(kind, outcome, f"{what}: it answers {found.ravel()[:3]}, not {right.ravel()[:3]}")
