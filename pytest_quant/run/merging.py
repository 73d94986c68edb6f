"""A run of pytest that decides from what the parts of a run have computed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from pytest_quant.evaluation.parts.replay import Replay
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.plugin.items import CaseItem
from pytest_quant.plugin.state import REPLAY


class Merging:
    """A plugin for `pytest.main`: the tests of the parts are decided, and no others."""

    def __init__(self, replay: Replay, tests: Collection[str]) -> None:
        self.missing: list[str] = []
        """Tests of the parts that were not collected."""
        self._replay = replay
        self._tests = frozenset(tests)

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Let the run find what the parts have computed."""
        config.stash[REPLAY] = self._replay

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what was not selected in the parts; a baseline may come with the merge."""
        self.missing = sorted(self._tests - {item.nodeid for item in items})
        items[:] = [] if self.missing else [item for item in items if self._is_wanted(item)]

    def _is_wanted(self, item: pytest.Item) -> bool:
        if item.nodeid in self._tests:
            return True
        return isinstance(item, CaseItem) and isinstance(item.limit, NoWorse)


def arguments(options: Mapping[str, object]) -> list[str]:
    """The options of the parts, as the command line has them."""
    named = ("samples", "seed", "confidence", "family", "inconclusive")
    given = [f"--quant-{name}={options[name]}" for name in named if options.get(name) is not None]
    return [*given, *(["--quant-strict"] if options.get("strict") else [])]
