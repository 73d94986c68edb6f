"""The hook that a `conftest.py` or an installed plugin of pytest implements to bring its own things."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_quant.extending.registry import Registry

HOOK = "pytest_quant_register"


def pytest_quant_register(registry: Registry) -> None:
    """Register tasks, dataset types, net formats and report writers.

    Called once per plugin and process, under ``--quant`` only, and by ``pytest-quant``: for the ``conftest.py`` files
    that pytest loads, when it loads them, and for installed packages with an entry point ``pytest11``. It must register
    the same things in every process; whatever is heavy is best given as ``"module:object"``.

    Args:
        registry: `Registry.task`, `Registry.dataset`, `Registry.net_format` and `Registry.report` take a thing each.

    """
