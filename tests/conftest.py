"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("pytest-quant", deadline=None)  # how long a loaded machine takes is no property of the code
settings.load_profile("pytest-quant")


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a CI job pytest prints whole messages in its short summary, a second time."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
