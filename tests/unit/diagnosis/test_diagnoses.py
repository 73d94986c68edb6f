from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from pytest_quant.diagnosis import diagnoses
from pytest_quant.diagnosis.diagnose import Diagnosis
from pytest_quant.diagnosis.diagnoses import NoDiagnosis, try_diagnosis
from pytest_quant.diagnosis.once_per_model import OncePerModel
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.model import ModelSpec
from tests.unit.measurements import some_model
from tests.unit.quantize.models import bench, write_model


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    model, calls = some_model(), []

    def make(model: ModelSpec) -> tuple[str, ...]:
        calls.append(model.name)
        return (model.name, "made")

    kind = TypeAdapter(tuple[str, ...])
    desks = [OncePerModel(tmp_path / "shared", kind, make) for _ in range(2)]
    assert desks[0].known(model) is None
    threads = [threading.Thread(target=desk.get, args=(model,)) for desk in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["m"]
    assert desks[0].known(model) == desks[1].known(model) == ("m", "made")
    assert desks[0].get(model) == ("m", "made")
    assert calls == ["m"]


def test_a_diagnosis_or_what_stands_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, desk = write_model(tmp_path), bench(tmp_path)
    found = try_diagnosis(model, desk)
    assert isinstance(found, Diagnosis)
    assert found.worst

    def fails(*_: object, **__: object) -> Diagnosis:
        raise QuantError("no such layer")

    monkeypatch.setattr(diagnoses, "diagnose", fails)
    assert try_diagnosis(model, desk) == NoDiagnosis("no such layer")


def test_a_further_net_of_ncnn_is_told_what_is_diagnosed(tmp_path: Path) -> None:
    model = write_model(tmp_path)
    further = replace(model, nets={**model.nets, "int8_pi": replace(model.nets["int8"], target="ssh=pi@board")})
    found = try_diagnosis(further, bench(tmp_path), "int8_pi")
    assert isinstance(found, NoDiagnosis)
    assert found.reason.startswith(
        "a layer diagnosis of nets of ncnn holds int8 against fp32, and int8_pi is a further"
    )
