"""The child process of trials: it loads nets and runs them once, one after the other, until it is let go or dies."""

from __future__ import annotations

import gc
import math
import os
import pickle
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

from pytest_quant.nets.trial.words import Answer, Request

_ENOUGH_S = 0.5
"""A net that has run for so long is run on no more values: the trial is to cost little."""
_GRACE_S = 5
"""The asking process keeps the limit; a child that was left alone in a net without end ends itself so much later."""


def serve(modules: Sequence[str] = ()) -> None:
    """Answer requests from stdin until it closes; what runtimes print to stdout goes to stderr.

    ``modules``: imported before the first one; those that cannot be are left to the trial that takes them.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the asking process, which then closes stdin
    for name in modules:
        with suppress(ImportError):
            import_module(name)
    while True:
        try:
            request: Request = pickle.load(sys.stdin.buffer)  # noqa: S301 - of the asking process
        except EOFError:
            return
        _limit(math.ceil(request.limit_s) + _GRACE_S)
        answer = _tried(request)
        _limit(0)
        pickle.dump(answer, answers)
        answers.flush()


def _limit(seconds: int) -> None:
    if hasattr(signal, "alarm"):  # not on Windows
        signal.alarm(seconds)


def _tried(request: Request) -> Answer:
    os.chdir(request.folder)
    try:
        net_format, net, shape, given = pickle.loads(request.net)  # noqa: S301 - of the asking process
    except (ImportError, AttributeError):
        return "unknown"
    try:
        from pytest_quant.nets.given import values_of

        runner = net_format.open(net)
        start = time.monotonic()
        for values in () if shape is None else values_of(shape):
            runner.run(values)
            if time.monotonic() - start > _ENOUGH_S:
                break
        if given is not None:
            runner.run(given)
        runner.close()
        del runner
    except MemoryError:
        return "memory"
    except Exception:
        return "lives"  # the asking process meets the same, alive, and tells of it in full
    finally:
        gc.collect()
    return "lives"
