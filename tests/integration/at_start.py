"""A project whose processes run some lines of code before anything of a run is imported."""

from __future__ import annotations

import os

import pytest

from tests import tiny


def write_project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    """A zoo of one model in the folder of the test; ``site`` is what every Python process there begins with."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path)
    (pytester.path / "site").mkdir()
    (pytester.path / "site" / "sitecustomize.py").write_text(site)
    monkeypatch.setenv("PYTHONPATH", f"{pytester.path / 'site'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
