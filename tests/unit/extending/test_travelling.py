"""What registers things goes to other processes as it was when it did so here."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.extending.finding import register_conftests
from pytest_quant.extending.known import in_use, with_builtins
from pytest_quant.extending.travelling import registrations
from pytest_quant.spec.errors import ConfigError

SOURCE = "def pytest_quant_register(registry):\n    registry.report('.x', print)\n"


def test_a_conftest_that_is_replaced_or_gone_does_not_travel(tmp_path: Path) -> None:
    file = tmp_path / "conftest.py"
    file.write_text(SOURCE)
    registry = with_builtins()
    with in_use(registry):
        register_conftests(registry, tmp_path / "zoo.quant.yaml", tmp_path)
        (sent,) = registrations().plugins
        assert sent.source == SOURCE.encode()
        file.write_text(SOURCE.replace("print", "repr"))
        with pytest.raises(ConfigError, match=r"conftest\.py was replaced while the run was on; run again"):
            registrations()
        file.unlink()
        with pytest.raises(ConfigError, match=r"conftest\.py: cannot be read: No such file"):
            registrations()
