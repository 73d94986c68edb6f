"""The targets of this process, each connected once."""

from __future__ import annotations

import threading

from pytest_quant.nets.remote.target import Target

_targets: dict[str, Target] = {}
_lock = threading.Lock()


def target_of(spec: str) -> Target:
    """The target of a specification, connected when something is first asked of it."""
    with _lock:
        return _targets.setdefault(spec, Target(spec))


def close_targets() -> None:
    """End all far sides; a target that is asked for again is connected anew."""
    with _lock:
        for target in _targets.values():
            target.close()
        _targets.clear()
