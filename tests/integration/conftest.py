"""What all whole runs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.runs import note_imports, remember_imports


@pytest.fixture(autouse=True)
def _imported_once() -> Iterator[None]:
    """Set up before `pytester` and so torn down after it, which forgets what was imported since it began."""
    yield
    remember_imports()


@pytest.fixture
def pytester(pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    """The usual one; what a test imported outside of any inner run is remembered, too, before it is forgotten.

    Else a net format that such a test loaded stays registered with classes of which the next test has others.
    """
    yield pytester
    note_imports(pytester.path)
