"""Questions about paths that come from files, and may be no paths at all."""

from __future__ import annotations

from pathlib import Path


def is_file(path: Path) -> bool:
    """Whether a file lies at a path; no for a path that cannot even be one, which pathlib raises for."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Likewise for a folder."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def exists(path: Path) -> bool:
    """Likewise for anything."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
