"""A project whose runs are ended in their midst."""

from __future__ import annotations

from pathlib import Path

from tests import tiny
from tests.integration import counting


def write_project(root: Path) -> Path:
    """Two models with nets of their own; gives the folder."""
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, 60)
    names = ("first", "second")
    tiny.write_zoo(root, {name: tiny.model_entry(root, name) for name in names})
    counting.make_distinct(root, names)
    return root
