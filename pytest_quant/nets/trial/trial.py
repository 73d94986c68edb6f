"""One trial of a net: what ends the process that loads and runs it is told, and put down to the net where it is due."""

from __future__ import annotations

import os
import pickle
import signal
from dataclasses import dataclass
from typing import Literal

from pytest_quant.nets.format import NetFormat
from pytest_quant.nets.given import Given
from pytest_quant.nets.trial.process import OF_THIS_PROCESS, Ended, Trials
from pytest_quant.nets.trial.words import Answer, Request, Shape
from pytest_quant.spec.errors import RunnerError, told
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown

LIMIT_S = 300.0
"""How long loading a net and running it once may take."""

_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT")
"""Signals that no damaged file sends."""
_OUT_OF_MEMORY = "bad_alloc"
"""What C++ says when it ends a process for lack of memory."""


@dataclass(frozen=True)
class Verdict:
    """What is known of a net from its trial."""

    how: Literal["lives", "died", "hung"]
    by: str = ""
    """What ended the process: ``SIGSEGV``, ``exit code 1``; of one that hung, how long it was let."""
    said: str = ""
    """The last lines that the runtime printed."""


def try_net(
    net_format: NetFormat,
    net: ModelNet,
    shape: Shape | None,
    limit_s: float = LIMIT_S,
    given: Given | None = None,
    trials: Trials = OF_THIS_PROCESS,
) -> Verdict | None:
    """Load a net in a child process and run it on zeros and other values of a shape, and on what is given, if any.

    None where the child cannot know the format, whose class only this process can import. Raises `RunnerError` where
    the trial was ended from outside twice: that says nothing of the files.
    """
    try:
        payload = pickle.dumps((net_format, net, shape, given))
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    request = Request(payload, os.getcwd(), limit_s)
    answer, said = _asked(trials, request, net_format, net)
    if _is_from_outside(answer, said):
        answer, said = _asked(trials, request, net_format, net)
        if _is_from_outside(answer, said):
            raise _interrupted(net_format, net, answer, said)
    if answer == "unknown":
        return None
    if not isinstance(answer, Ended):
        return Verdict("lives", said=said)
    return Verdict("hung", f"{limit_s:g} s", said) if answer.is_overdue else Verdict("died", _cause(answer), said)


def _asked(trials: Trials, request: Request, net_format: NetFormat, net: ModelNet) -> tuple[Answer | Ended, str]:
    try:
        return trials.ask(request)
    except OSError as error:  # no memory, no files, no processes, no threads
        raise RunnerError(
            f"{described(net_format, net)}: the child process that loads the net and runs it once cannot be started: "
            f"{told(error)}. This says nothing of the files; run again"
        ) from error


def described(net_format: NetFormat, net: ModelNet) -> str:
    """The files of a net, as messages name them."""
    return " with ".join(shown(path) for name, path in net_format.files(net).items() if name != ".table")


def _cause(ended: Ended) -> str:
    if ended.code >= 0:
        return f"exit code {ended.code}"
    try:
        return signal.Signals(-ended.code).name
    except ValueError:  # a real-time signal
        return f"signal {-ended.code}"


def _is_from_outside(answer: Answer | Ended, said: str) -> bool:
    if not isinstance(answer, Ended):
        return answer == "memory"
    return not answer.is_overdue and (_cause(answer) in _FROM_OUTSIDE or _OUT_OF_MEMORY in said)


def _interrupted(net_format: NetFormat, net: ModelNet, answer: Answer | Ended, said: str) -> RunnerError:
    what = described(net_format, net)
    if not isinstance(answer, Ended) or _OUT_OF_MEMORY in said:
        return RunnerError(
            f"{what}: there was not enough memory to load the net and run it once, twice in a row: run fewer processes "
            "at once, or on a machine with more memory"
        )
    return RunnerError(
        f"{what}: the child process that loads the net and runs it once was ended from outside by {_cause(answer)}, "
        "twice in a row: by the system for lack of memory, or by somebody. This says nothing of the files; run again"
    )
