"""What runs on the target; sent there as text, so it imports nothing but the standard library, NumPy and ncnn.

Boards live long: this is Python 3.8, as far as it runs when it is loaded or called.

Every function here is of the far side. A channel serves one request: the facts of the machine, or one loaded net, to
which inputs are sent until the channel closes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import mmap
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import ncnn
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.generic]]
    Blobs = dict[str, Any]
    """Input blob to array."""

BOUND_BYTES = 1 << 30
"""How much of the target's disk model files may take; those that were used longest ago go first."""

ROW = 6
"""Columns of a detection: label, score, left, top, right, bottom."""

_OLD_S = 60.0
"""A file that was used in the last so many seconds is not removed: another run may be about to load it."""

TOGETHER_S = 0.1
"""Answers to the inputs of one message go back before the last of them is there when they take longer."""

CHANNEL_BYTES = 16
"""Where ncnn's own memory has each channel begin: at multiples of this."""

_READERS = frozenset({"Convolution", "ConvolutionDepthWise"})
"""Types of layers that make new memory for what they give."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""In glibc's malloc.h."""
_MADV_HUGEPAGE = 14
"""In Linux's mman.h."""

_CORES = "_pytest_quant_cores"
_MEMORY = "_pytest_quant_memory"
_WHOLE = "_pytest_quant_whole"
SERVE = "_pytest_quant_serve"
"""What `serve` is kept under in `sys`, so that this text is compiled once in a process and not for each request."""


class Channel(Protocol):
    """What is used of a channel of execnet."""

    def send(self, item: object) -> None:
        """Send plain data."""

    def receive(self, timeout: float | None = None) -> Any:
        """The next item from the other side."""

    def close(self) -> None:
        """End it for both sides."""

    def __iter__(self) -> Iterator[Any]:
        """All items until the channel closes."""


def serve(channel: Channel) -> None:
    """Answer the one request of a channel; an error is told in words, never as a traceback."""
    kind, argument = channel.receive()
    try:
        if kind == "facts":
            keep_freed_memory()
            channel.send(("facts", facts()))
        elif kind == "memory":
            memory = seen(argument)
            setattr(sys, _MEMORY, memory)
            channel.send(("memory", memory is not None))
        elif kind == "net":
            serve_net(channel, argument)
    except ImportError as error:
        channel.send(("failed", f"{sys.executable}, Python {platform.python_version()}: {error}"))
    except OSError as error:
        channel.send(("failed", f"{error.filename or folder()}: {error.strerror or error}"))


def facts() -> dict[str, object]:
    """What tells one target from another, by the far side's own telling."""
    import ncnn
    import numpy as np

    probes = [name for name in dir(ncnn) if name.startswith("cpu_support_")]
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "host": platform.node(),
        "python": platform.python_version(),
        "numpy": str(np.__version__),
        "ncnn": str(ncnn.__version__),
        "isa": sorted(name[len("cpu_support_") :] for name in probes if getattr(ncnn, name)()),
        "cores": core_count(),
        "byteorder": sys.byteorder,
    }


def keep_freed_memory() -> None:
    """Let glibc reuse what a forward pass frees.

    Left alone it hands that back to the system behind each pass and asks for it again, page by page: with two cores
    that costs 2 % of SqueezeNet's time.
    """
    import ctypes

    with contextlib.suppress(OSError, TypeError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, 1 << 28)
        mallopt(_M_MMAP_THRESHOLD, 1 << 25)


def ask_for_large_pages() -> None:
    """Let Linux put what this thread is about to load into pages of 2 MB, where it does so for those who ask.

    Otherwise a net of some MB lies in a thousand pages all over memory, whose addresses are looked up again and again:
    4 % of SqueezeNet's time. Behind `keep_freed_memory`, so that the heap stays as large as it is made here.
    """
    import ctypes

    with contextlib.suppress(OSError, TypeError, AttributeError):  # another C library, or another system
        library = ctypes.CDLL(None)
        library.malloc.restype = ctypes.c_void_p
        blocks = [library.malloc(ctypes.c_size_t(20 << 20)) or 0 for _ in range(3)]  # a thread's heap ends at 64 MB
        with open("/proc/self/maps", encoding="utf-8") as maps:
            spans = [[int(end, 16) for end in line.split()[0].split("-")] for line in maps]
        for start, end in spans:
            if any(start <= block < end for block in blocks):
                library.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_HUGEPAGE)
        for block in blocks:
            library.free(ctypes.c_void_p(block))


def folder() -> str:
    """Where model files are kept; made when it is not there."""
    home = os.environ.get("PYTEST_QUANT_TARGET_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "pytest-quant-target"
    )
    os.makedirs(home, exist_ok=True)
    return home


def serve_net(channel: Channel, request: dict[str, Any]) -> None:
    """Get what the target lacks of a net's files, load it, and run inputs until the channel closes."""
    memory = vars(sys).get(_MEMORY)
    if memory:  # a process that was started for this, beside the one that asks
        ask_for_large_pages()
    paths = [kept(channel, digest, size) for digest, size in request["files"]]
    net = load(paths, request["options"], request["threads"])
    if isinstance(net, str):
        channel.send(("failed", net))
        return
    channel.send(("loaded", None))
    answer_all(channel, net, {**request, "lent": lent(net) if memory else frozenset()}, memory)


def seen(shared: tuple[str, bytes, int]) -> mmap.mmap | None:
    """The memory that the other side put a token into; None where this is another machine, whatever lies there."""
    path, token, size = shared
    try:
        with open(path, "rb") as file:
            memory = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    return memory if memory[: len(token)] == token else None


def answer_all(channel: Channel, net: Any, request: dict[str, Any], memory: mmap.mmap | None) -> None:
    """Run the inputs of each message in their order; their answers go back together unless that takes a while.

    The core is held as long: nets that take turns input by input find each other's weights in the cache.
    """
    for text, data in channel:
        inputs = given(json.loads(text), data, memory)
        while True:
            told, values = run_together(net, request, inputs)
            if not told:
                break
            channel.send(("answers", json.dumps(told), b"".join(values)))


def run_together(net: Any, request: dict[str, Any], inputs: Iterator[Blobs]) -> tuple[list[object], list[bytes]]:
    """The answers to the next inputs, of `TOGETHER_S` at most, and their values; none where there are no more."""
    told: list[object] = []
    values: list[bytes] = []
    with cores():
        since = time.perf_counter()
        for blobs in inputs:
            started = time.perf_counter()
            answer = run(net, request, blobs, values)
            ended = time.perf_counter()
            told.append(answer if isinstance(answer, str) else (ended - started, answer))
            if ended - since > TOGETHER_S:
                break
    return told, values


def cores() -> threading.Semaphore:
    """Lets as many forward passes run at a time as there are cores: of all nets."""
    found: threading.Semaphore = vars(sys).setdefault(_CORES, threading.Semaphore(core_count()))
    return found


def core_count() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def kept(channel: Channel, digest: str, size: int) -> str:
    """The path of a file by its SHA-256: kept from an earlier run and still whole, or sent now."""
    path = os.path.join(folder(), digest)
    if not is_whole(path, digest):
        make_room(size)
        channel.send(("send", digest))
        receive_file(channel, path, digest, size)
    if time.time() - os.stat(path).st_mtime > _OLD_S / 2:  # a touched file is read again
        os.utime(path)
    return path


def is_whole(path: str, digest: str) -> bool:
    """Whether a kept file still has its content; one that this process has read is read again when it has changed."""
    known: dict[str, tuple[int, ...]] = vars(sys).setdefault(_WHOLE, {})
    try:
        with open(path, "rb") as file:
            stat = os.fstat(file.fileno())
            stamp = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            if known.get(digest) == stamp:
                return True
            if hashlib.sha256(file.read()).hexdigest() != digest:
                return False
    except FileNotFoundError:
        return False
    known[digest] = stamp
    return True


def receive_file(channel: Channel, path: str, digest: str, size: int) -> None:
    """Write a file that comes in parts; others see it whole or not at all."""
    handle, part = tempfile.mkstemp(prefix="part-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            while file.tell() < size:
                file.write(channel.receive())
        if not is_whole(part, digest):
            raise OSError(0, "the file that arrived is not the one that was sent", path)
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)


def make_room(size: int) -> None:
    """Remove the files that were used longest ago until ``size`` bytes more are within the bound."""
    found = []
    for entry in os.scandir(folder()):
        with contextlib.suppress(FileNotFoundError):
            found.append((entry.stat().st_mtime, entry.stat().st_size, entry.path))
    total = size + sum(bytes_ for _, bytes_, _ in found)
    for used, bytes_, path in sorted(found):
        if total <= BOUND_BYTES or time.time() - used < _OLD_S:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        total -= bytes_


def load(paths: list[str], options: dict[str, bool], threads: int) -> Any:
    """A loaded net, or in words why there is none."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    for name, value in options.items():
        setattr(net.opt, name, value)
    for what, code in (("param", net.load_param(paths[0])), ("bin", net.load_model(paths[1]))):
        if code != 0:
            return f"ncnn {ncnn.__version__} cannot load the .{what} (return code {code})"
    return net


def lent(net: ncnn.Net) -> frozenset[str]:
    """The input blobs that the net neither writes into nor hands on: it may read them in memory of others."""
    readers: dict[int, list[bool]] = {}
    for layer in net.layers():
        for at in layer.bottoms:
            readers.setdefault(at, []).append(layer.type in _READERS and not layer.support_inplace)
    return frozenset(blob.name for at, blob in enumerate(net.blobs()) if readers.get(at) == [True])


def shapes(blobs: Blobs) -> str:
    """Of the inputs, for a message."""
    return " and ".join(str(array.shape) for array in blobs.values())


def given(
    inputs: list[list[tuple[str, str, list[int], int | None]]], data: bytes, memory: mmap.mmap | None
) -> Iterator[Blobs]:
    """The inputs of a message: each blob by name, dtype, shape and place in memory, or in turn in ``data``."""
    import numpy as np

    start = 0
    for parts in inputs:
        blobs: Blobs = {}
        for blob, dtype, shape, place in parts:
            if place is None:
                blobs[blob] = np.ndarray(shape, dtype, data, start)
                start += blobs[blob].nbytes
            else:
                blobs[blob] = np.ndarray(shape, dtype, memory, place, strides_of(shape, np.dtype(dtype).itemsize))
        yield blobs


def strides_of(shape: Sequence[int], itemsize: int) -> tuple[int, ...] | None:
    """Of an array in memory that both sides see, laid out as ncnn does it; None where nothing is between its values.

    >>> strides_of((3, 227, 227), 4)
    (206128, 908, 4)
    """
    channel_bytes = math.prod(shape[1:]) * itemsize
    if len(shape) < 3 or channel_bytes % CHANNEL_BYTES == 0:
        return None
    inner = [math.prod(shape[axis + 1 :]) * itemsize for axis in range(1, len(shape))]
    return (-(-channel_bytes // CHANNEL_BYTES) * CHANNEL_BYTES, *inner)


def mat_of(array: Array, *, is_lent: bool) -> ncnn.Mat:
    """An input as ncnn takes it: a copy in its own memory, or the array itself, which is not kept alive by it.

    What is not ncnn's own memory must not reach a layer that works in place: it would write there, or crash.
    """
    import ncnn

    mat = ncnn.Mat(array)
    if not array.flags.c_contiguous:  # of which ncnn.Mat knows nothing
        mat.cstep = array.strides[0] // array.itemsize
    return mat if is_lent else mat.clone()


def run(net: ncnn.Net, request: dict[str, Any], blobs: Blobs, values: list[bytes]) -> str | list[tuple[int, ...]]:
    """One forward pass: the shape of each output, or in words what is wrong.

    Their values go behind ``values`` as little-endian float32.
    """
    import numpy as np

    answer = []
    found = []
    with net.create_extractor() as extractor:
        for blob, held in blobs.items():
            is_lent = blob in request["lent"] and isinstance(held.base, mmap.mmap)  # else not aligned as ncnn likes it
            if extractor.input(blob, mat_of(held, is_lent=is_lent)) != 0:
                return f"has no input blob {blob!r}"
        for name in request["outputs"]:
            code, mat = extractor.extract(name)
            is_empty = mat.empty() or min(mat.w, mat.h, mat.d, mat.c) <= 0
            if code != 0 or (is_empty and name not in request["rows"]):
                return (
                    f"ncnn gave no output blob {name!r} (return code {code}) for an input of shape {shapes(blobs)}: is "
                    "that the size the net was made for?"
                )
            array = np.zeros((0, ROW), "<f4") if is_empty else np.array(mat, "<f4")
            answer.append(array.shape)
            found.append(array.tobytes())
    values += found
    return answer


if __name__ == "__channelexec__":
    setattr(sys, SERVE, serve)
    serve(channel)  # type: ignore[name-defined]  # noqa: F821 - the connection defines it
