"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("pytest-quant", deadline=None)  # how long a loaded machine takes is no property of the code
settings.load_profile("pytest-quant")
