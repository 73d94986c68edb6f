"""What all whole runs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.runs import remember_imports


@pytest.fixture(autouse=True)
def _imported_once() -> Iterator[None]:
    """Set up before `pytester` and so torn down after it, which forgets what was imported since it began."""
    yield
    remember_imports()
