"""What is said of the cases that never reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.plugin.settings import read_settings
from pytest_quant.run.beside import Beside, note_death
from pytest_quant.run.plan import PlannedTest
from pytest_quant.run.records import planned_case
from pytest_quant.run.told import Told

TESTS = [
    PlannedTest(id=f"zoo::{model}", cases=(planned_case(f"zoo::{model}", model, "tolerance"),))
    for model in ("deadly", "sound")
]


@pytest.mark.parametrize(("stopped", "other"), [(False, "missing"), (True, "skipped")])
def test_a_worker_that_died_before_it_had_a_case_leaves_a_crash(
    pytestconfig: pytest.Config, tmp_path: Path, stopped: bool, other: str
) -> None:
    assert Beside(tmp_path, "gw7").begin("deadly") is not None
    note_death(tmp_path, "gw7")
    assert Beside(tmp_path, "gw8").begin("sound") is not None
    note_death(tmp_path, "gw8")
    note_death(tmp_path, "gw8", had_case=True)  # which may be what ended it: nothing is said of the model
    told = Told(read_settings(pytestconfig), tmp_path, "2026-11-29T12:00:00")
    assert told.account(TESTS, stopped=stopped) == (0 if stopped else 1)
    assert told.problems == ["1 accuracy cases of models that a worker died of never ran"]
    assert [(case.verdict, case.outcome, case.reason) for case in told.cases] == [
        (
            "crashed",
            "failed",
            "worker 'gw7' crashed while computing samples of 'deadly' beforehand, and the run ended before this case",
        ),
        (other, "not_run", "the run ended before this case"),
    ]
