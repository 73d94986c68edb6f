"""The fixture `quant_executor`: who overrides it has shards run elsewhere, for the cases below its `conftest.py`."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pytest_quant.plugin.fixtures import EXECUTOR_FIXTURE, quant_executor

if TYPE_CHECKING:
    from pytest_quant.evaluation.engine.engine import Later


class Executors:
    """What the fixture gives where the tests of a file stand; asked for once per file, since it is of the session."""

    def __init__(self, later: Later) -> None:
        """``later``: what the engines of the run take."""
        self._later = later
        self._known: dict[Path, Executor | None] = {}

    def take(self, item: pytest.Item) -> None:
        """From now on shards are run by the executor of a test, which is about to be set up."""
        if item.path not in self._known:
            self._known[item.path] = _given(item) if _is_overridden(item) else None
        self._later.executor = self._known[item.path]


def _is_overridden(item: pytest.Item) -> bool:
    """Whether a plugin, a ``conftest.py`` or the module of a test has a fixture of that name: else none is set up."""
    places: list[object] = [*item.config.pluginmanager.get_plugins(), getattr(item, "module", None)]
    return any(getattr(place, EXECUTOR_FIXTURE, quant_executor) is not quant_executor for place in places)


def check_scope(fixture: pytest.FixtureDef[object]) -> None:
    """Fail where an executor would end before the cases that it is for."""
    if fixture.argname == EXECUTOR_FIXTURE and fixture.scope != "session":
        raise pytest.fail.Exception(
            f"the fixture {EXECUTOR_FIXTURE} has the scope {fixture.scope!r}, expected "
            '@pytest.fixture(scope="session"): one executor is for all cases',
            pytrace=False,
        )


def _given(item: pytest.Item) -> Executor | None:
    """What the fixture gives; a case of a zoo file cannot take fixtures, so a test that is set up beside it does."""

    def take(quant_executor: Executor | None) -> None:
        """Never called: its setup is all that is needed."""

    file = next(node for node in reversed(item.listchain()) if isinstance(node, pytest.File))
    asking: pytest.Function = pytest.Function.from_parent(file, name=EXECUTOR_FIXTURE, callobj=take)
    try:
        item.ihook.pytest_runtest_setup(item=asking)
        found: object = asking.funcargs[EXECUTOR_FIXTURE]
    finally:
        item.ihook.pytest_runtest_teardown(item=asking, nextitem=item)
    if found is None or callable(getattr(found, "submit", None)):
        return cast("Executor | None", found)
    raise pytest.fail.Exception(
        f"the fixture {EXECUTOR_FIXTURE} gives {found!r}, expected a concurrent.futures.Executor, such as "
        "ProcessPoolExecutor(4), or None for the threads of this process",
        pytrace=False,
    )
