"""What says that a registered thing is another one than before: its own version, or the files that define it.

A file is hashed some time after Python has read it. One that has changed since the session began may have been read
before: its digest then counts for this process alone, so that nothing of the old code is kept as the new one's.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

_THIS_PROCESS = uuid4().hex
_began_ns: list[int] = []
"""Of the sessions that go on in this process, one within the other."""


def session_begins() -> Callable[[], None]:
    """Note that from now on files of the user's are read; gives what is to be called when the session ends."""
    _began_ns.append(time.time_ns())

    def ends() -> None:
        _began_ns.pop()

    return ends


def version_of(thing: object) -> str:
    """The thing's own version; without one the digest of the file that defines it."""
    version = getattr(thing, "version", None)
    return version if isinstance(version, str) else source_digest(thing)  # that of a net format tells its runtime's


def version_of_named(reference: str, thing: object) -> str:
    """The same of a thing that was registered as ``module:object``: the file of that module counts, too."""
    version = getattr(thing, "version", None)
    if isinstance(version, str):
        return version
    file = getattr(sys.modules.get(reference.partition(":")[0]), "__file__", None)
    return f"{_digest(file)} {source_digest(thing)}".strip()


def source_digest(thing: object) -> str:
    """SHA-256 of the source file that defines a function, a class or an object's class; empty where there is none."""
    defined = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    try:
        return _digest(inspect.getsourcefile(defined))
    except TypeError:  # built into the interpreter
        return ""


def file_digest(file: Path) -> str:
    """SHA-256 of a source file, and what is unique to this process where it has changed since the session began."""
    if not file.is_file():
        return ""
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"{found} {_THIS_PROCESS}" if _began_ns and file.stat().st_ctime_ns > _began_ns[-1] else found


def _digest(file: str | None) -> str:
    return file_digest(Path(file)) if file else ""
