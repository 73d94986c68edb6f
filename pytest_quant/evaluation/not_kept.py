"""What is said where something cannot be kept: once in a run for a folder that takes nothing, else of each place."""

from __future__ import annotations

import errno
import hashlib
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pytest_quant.evaluation.files import replace_file
from pytest_quant.spec.errors import QuantWarning
from pytest_quant.spec.text import shown

_OF_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EMFILE, errno.ENFILE})
"""What is wrong with the disk or the process, and not with one place on it."""
_told: set[Path] = set()
"""Folders that this process has warned of itself."""
_notes: Path | None = None
"""Where the processes of a run leave what one of them tells at its end."""


def leave_notes(run_dir: Path) -> Callable[[], None]:
    """From now on leave notes in the folder of a run, for `notes_in`; gives what ends that.

    A warning in a thread, between two tests or in a worker would be seen by nobody.
    """
    global _notes  # what keeps something stands below all that knows of a run
    before, _notes = _notes, run_dir / "not-kept"

    def restore() -> None:
        global _notes
        _notes = before

    return restore


def notes_in(run_dir: Path) -> list[str]:
    """What the processes of a run had to tell."""
    try:
        return sorted(path.read_text() for path in (run_dir / "not-kept").iterdir())
    except OSError:  # there is none
        return []


def tell_not_kept(root: Path, error: OSError, message: str) -> None:
    """Tell that something could not be kept in a store.

    Args:
        root: the store, which lies in its cache beside others.
        error: why it could not be kept.
        message: what to say where the store takes other things.

    """
    folder = root.parent if error.errno in _OF_ALL else next(filter(_takes_nothing, (root.parent, root)), None)
    if folder is None:
        warnings.warn(message, QuantWarning, stacklevel=3)
        return
    reason = error.strerror or error
    message = f"{shown(folder)} takes nothing more: {reason}; later runs compute again what is not kept there"
    if not _is_noted(folder, message) and folder not in _told:
        _told.add(folder)
        warnings.warn(message, QuantWarning, stacklevel=3)


def _takes_nothing(folder: Path) -> bool:
    probe = folder / f"probe-{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"1")
        probe.unlink()
    except FileNotFoundError:  # of another thread of this process
        return False
    except OSError:
        with suppress(OSError):
            probe.unlink()
        return True
    return False


def _is_noted(folder: Path, message: str) -> bool:
    """Whether there is a note about a folder, made now or before; not where nobody would read it."""
    if _notes is None:
        return False
    note = _notes / hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]
    try:
        if not note.exists():
            replace_file(note, message.encode())
    except OSError:
        return False
    return True
