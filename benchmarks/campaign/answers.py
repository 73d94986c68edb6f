"""What a net answers in two processes that differ in what their fresh memory holds.

glibc fills memory by ``MALLOC_PERTURB_``; ncnn takes its blobs from it. A layer that reads behind a blob, or what was
never written, answers otherwise in each.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import pickle
import subprocess
import sys
from contextlib import closing
from typing import BinaryIO

from pytest_quant.nets.base import Array
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.net import ModelNet

FILLINGS = (85, 191)
"""Two bytes that give other floats, of other signs."""

_children: dict[int, subprocess.Popen[bytes]] = {}


class Differing(Exception):  # noqa: N818 - what is found, not what is raised for
    """A net gave two answers to one input, or ended the process that ran it after its trial."""


def answer_of(net: ModelNet, array: Array, output: str) -> Array:
    """The net's answer, which must be the same in both processes; raises `Differing`, and what the runner raises."""
    found = [_asked(filling, net, array, output) for filling in FILLINGS]
    one, two = found
    if isinstance(one, str) or isinstance(two, str):
        raise Differing(next(each for each in found if isinstance(each, str)))
    if isinstance(one, QuantError) and isinstance(two, QuantError):
        raise one
    if isinstance(one, QuantError) or isinstance(two, QuantError):
        raise Differing(f"once it answers, once not: {one!r}, {two!r}")
    if one.tobytes() != two.tobytes():
        raise Differing(f"it answers {one.ravel()[:3]}, and {two.ravel()[:3]} where memory holds something else")
    return one


def _asked(filling: int, net: ModelNet, array: Array, output: str) -> Array | QuantError | str:
    child = _children.get(filling)
    if child is None or child.poll() is not None:
        child = _children[filling] = _started(filling)
    to, back = child.stdin, child.stdout
    if to is None or back is None:
        raise RuntimeError("the child has no pipes")
    pickle.dump((net, array, output), to)
    to.flush()
    found: Array | QuantError | str = pickle.load(back)  # noqa: S301 - of this same program
    return found


def _started(filling: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.campaign.answers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MALLOC_PERTURB_": str(filling), "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@atexit.register
def _end() -> None:
    for child in _children.values():
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                stream.close()
        child.wait(5)


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Each question in a fork: what one net does to the memory is not put down to the next."""
    while True:
        try:
            net, array, output = pickle.load(questions)  # noqa: S301 - of this same program
        except EOFError:
            return
        back, to = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(back)
            with os.fdopen(to, "wb") as pipe:
                pickle.dump(_answered(net, array, output), pipe)
            os._exit(0)
        os.close(to)
        with os.fdopen(back, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        told = pickle.dumps(f"the process that ran it after its trial ended with {code}")
        answers.write(told if code else data)
        answers.flush()


def _answered(net: ModelNet, array: Array, output: str) -> Array | QuantError:
    try:
        with closing(NcnnFormat().open(net)) as runner:
            found = runner.run(array)[output]
    except QuantError as error:
        return error
    del runner
    ctypes.CDLL(None).malloc_trim(0)  # looks at all of the memory: one that was overwritten ends the process
    return found


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what ncnn prints
    _serve(sys.stdin.buffer, out)
