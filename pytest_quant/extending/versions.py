"""What says that a registered thing is another one than before: its own version, or the files that define it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from pathlib import Path


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


def _digest(file: str | None) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""
