"""Every net is loaded and run once in a child process before this process touches it; what came of it is kept.

A verdict is kept by everything that can change it, the content of the net's files before all, so that each net is tried
once and not in every run. That a net came to no end is not kept: the machine may have been busy.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.evaluation.digests import sha256_file, sha256_json
from pytest_quant.evaluation.machine import isa
from pytest_quant.extending.known import get_format
from pytest_quant.nets.format import NetFormat
from pytest_quant.nets.given import Given
from pytest_quant.nets.trial.trial import LIMIT_S, Verdict, described, try_net
from pytest_quant.nets.trial.words import Shape
from pytest_quant.spec.environment import versions
from pytest_quant.spec.errors import ModelFileError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import shown

_TRIAL_VERSION = 3
"""Part of every key: raise it when a trial finds more than before."""

_found: dict[str, Verdict] = {}
"""What this process knows, by key."""
_trying = threading.Lock()


@dataclass(frozen=True)
class Trials:
    """Trials whose verdicts are kept in ``contents``; None: in memory only, with the process. Pickles."""

    contents: ContentStore | None = None
    limit_s: float = LIMIT_S

    def require(self, net: ModelNet, shape: Shape | None, given: Given | None = None) -> str:
        """Have a net tried where it never was; gives what the runtime printed.

        ``shape`` of an input array; None: the net is loaded and run on ``given`` alone, where there is such an input.
        What is given is no part of what the verdict is kept under: a net that any input kills is broken, and another
        first sample is no reason to try a net again. A net on a target is not tried: the far side is a process of its
        own.

        Raises `ModelFileError` where the trial ended its process or came to no end, `RunnerError` where it was ended
        from outside.
        """
        if net.target is not None:
            return ""
        net_format = get_format(net.format)
        trial = _Trial(net_format, net, shape, given, _digests(net_format, net))
        verdict = self._verdict(trial)
        if verdict is None or verdict.how == "lives":
            return "" if verdict is None else verdict.said
        raise ModelFileError(_fault(described(net_format, net), verdict))

    def require_input(self, net: ModelNet, given: Given) -> None:
        """Have a net run on an input, whatever is known of it; raises as `require`. Nothing of it is kept."""
        if net.target is None:
            net_format = get_format(net.format)
            verdict = try_net(net_format, net, None, self.limit_s, given)
            if verdict is not None and verdict.how != "lives":
                raise ModelFileError(_fault(described(net_format, net), verdict))

    def _verdict(self, trial: _Trial) -> Verdict | None:
        key = trial.key()
        found = self._known(key)
        if found is None:
            with _trying if self.contents is None else self.contents.lock(f"trial-{key}"):
                found = self._known(key)  # again: another thread or process may have tried it meanwhile
                if found is None:
                    found = trial.made(self.limit_s)
                    if found is not None and found.how != "hung" and self.contents is not None:
                        self.contents.save(key, json.dumps(asdict(found)).encode())
        if found is not None:
            _found[key] = found
        return found

    def _known(self, key: str) -> Verdict | None:
        found = _found.get(key)
        kept = None if found is not None or self.contents is None else self.contents.load(key)
        return found if kept is None else Verdict(**json.loads(kept))


@dataclass(frozen=True)
class _Trial:
    """A net, what it is to be run on, and the digests of its files before."""

    net_format: NetFormat
    net: ModelNet
    shape: Shape | None
    given: Given | None
    digests: Mapping[str, str]

    def made(self, limit_s: float) -> Verdict | None:
        """The verdict; raises `ModelFileError` where a file is another one by now."""
        found = try_net(self.net_format, self.net, self.shape, limit_s, self.given)
        if _digests(self.net_format, self.net) != self.digests:
            what = described(self.net_format, self.net)
            raise ModelFileError(f"{what} was replaced while the run was on; run again")
        return found

    def key(self) -> str:
        """What the verdict is kept under."""
        return sha256_json(
            {
                "trial": _TRIAL_VERSION,
                "pytest_quant": versions()["pytest_quant"],
                "isa": isa(),
                "format": self.net.format,
                "net": self.net_format.key(self.net, self.digests),
                "outputs": self.net.outputs,
                "size": self.net.input.size,
                "channels": self.net.input.channels,
                "shape": self.shape,
            }
        )


def _digests(net_format: NetFormat, net: ModelNet) -> dict[str, str]:
    return {name: _digest(path) for name, path in net_format.files(net).items()}


def _digest(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise ModelFileError(f"{shown(path)}: cannot be read: {error.strerror}") from error


def _fault(what: str, verdict: Verdict) -> str:
    if verdict.how == "hung":
        how = f"did not come to an end within {verdict.by}"
    else:
        how = f"died of {verdict.by}: the files are damaged, or do not fit each other or this runtime"
    return f"{what}: a trial run in a child process {how} (it printed: {verdict.said or 'nothing'})"
