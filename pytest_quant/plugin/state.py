"""Where the plugin keeps its objects on pytest's own: stash keys, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import TypeAlias

    from pytest_quant.evaluation.parts.replay import Replay
    from pytest_quant.plugin.settings import Settings
    from pytest_quant.run.quant_run import QuantRun
    from pytest_quant.run.records import RunCase

    SettingsKey: TypeAlias = pytest.StashKey[Settings]
    ReplayKey: TypeAlias = pytest.StashKey[Replay]
    RunKey: TypeAlias = pytest.StashKey[QuantRun]
    RecordsKey: TypeAlias = pytest.StashKey[list[RunCase]]

SETTINGS: SettingsKey = pytest.StashKey()
RUN: RunKey = pytest.StashKey()
REPLAY: ReplayKey = pytest.StashKey()
"""What the parts of a run have computed, where they are merged."""
RECORDS: RecordsKey = pytest.StashKey()
"""On an item: the records of its cases, in the order they were decided."""


def active_run(config: pytest.Config) -> QuantRun | None:
    """The run, when accuracy cases are to run."""
    return config.stash.get(RUN, None)
