"""Which commit was tested, where git can tell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pytest_quant.history.records import Commit

_TIME_LIMIT_S = 20.0


def commit_of(folder: Path) -> Commit | None:
    """The commit that is checked out in a folder; None outside of a working tree, or without git."""
    if shutil.which("git") is None:
        return None
    sha = _git(folder, "rev-parse", "--verify", "HEAD")
    if sha is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Commit(sha, is_dirty=bool(changed))


def _git(folder: Path, *args: str) -> str | None:
    command = ["git", "-C", str(folder), *args]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
