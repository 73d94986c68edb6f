from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pytest_quant.diagnosis import diagnoses
from pytest_quant.diagnosis.diagnose import Diagnosis, diagnose
from pytest_quant.diagnosis.diagnoses import Diagnoses
from pytest_quant.evaluation.measure import Workbench
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from tests.unit.quantize.models import bench, write_model


def test_two_processes_diagnose_a_model_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = write_model(tmp_path), []

    def counted(model: ModelSpec, bench: Workbench) -> Diagnosis:
        calls.append(model.name)
        return diagnose(model, bench)

    monkeypatch.setattr(diagnoses, "diagnose", counted)
    desks = [Diagnoses(tmp_path / "shared", bench(tmp_path)) for _ in range(2)]
    assert desks[0].known(model) is None
    threads = [threading.Thread(target=desk.entry, args=(model,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["net"]
    assert desks[0].known(model) == desks[1].known(model)
    assert desks[0].entry(model)["worst"]
    assert calls == ["net"]


def test_what_stands_in_the_way_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> Diagnosis:
        raise QuantError("no such layer")

    monkeypatch.setattr(diagnoses, "diagnose", fails)
    assert Diagnoses(tmp_path / "shared", bench(tmp_path)).entry(write_model(tmp_path)) == {"error": "no such layer"}
