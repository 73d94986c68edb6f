"""The committed baseline as a file: entries of models and of their further nets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.judging.baseline import BaselineEntry, current_environment, read_baseline, update_baseline
from pytest_quant.judging.baseline_changes import changes
from pytest_quant.judging.limits.baseline import NoWorse
from pytest_quant.judging.limits.floor import Floor
from pytest_quant.judging.limits.net import NetTolerance
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.spec.errors import BaselineMissingError
from pytest_quant.spec.metric import SQNR_DB, Metric

TOP1, TOP5 = Metric("top1", "%"), Metric("top5", "%")


def entry(value: float = 80.0, **changes: Any) -> BaselineEntry:
    return BaselineEntry.model_validate(
        {
            "samples": {"evaluated": 10, "total": 10, "seed": 0, "sha256": "s"},
            "metrics": {"top1": {"fp32": 90.0, "int8": value}},
            "files": {},
            "environment": current_environment().model_dump(),
            "predictions": {},
            **changes,
        }
    )


def test_a_net_does_not_repeat_what_its_model_has(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    elsewhere = {**current_environment().model_dump(), "isa": ["neon"]}
    nets = {"same": entry(79.0), "other": entry(78.0, environment=elsewhere, runtime="openvino 1")}
    written = entry().model_copy(update={"nets": nets})
    update_baseline(path, {"m": written})
    known = json.loads(path.read_text())["models"]["m"]["nets"]
    assert "environment" not in known["same"]
    assert "samples" not in known["same"]
    assert known["other"]["environment"]["isa"] == ["neon"]
    assert read_baseline(path).models == {"m": written}
    assert read_baseline(path).entry("m", "top1", "other").metrics["top1"].int8 == 78.0


def test_a_net_keeps_its_own_where_the_model_is_measured_anew(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    update_baseline(path, {"m": entry().model_copy(update={"nets": {"a": entry(79.0), "b": entry(78.0)}})})
    elsewhere = {**current_environment().model_dump(), "isa": ["neon"]}
    anew = entry(81.0, environment=elsewhere).model_copy(update={"nets": {"b": entry(77.0, environment=elsewhere)}})
    update_baseline(path, {"m": anew})
    found = read_baseline(path).models["m"]
    assert found.nets["a"] == entry(79.0), "with the environment that it was measured in"
    assert found.nets["b"] == entry(77.0, environment=elsewhere)


def test_what_processes_measured_of_one_model_goes_together() -> None:
    raw = {"sqnr_db": {"int8": 40.0}}
    one = entry(metrics={**entry().model_dump()["metrics"], **raw}).model_copy(update={"nets": {"a": entry(79.0)}})
    two = entry().model_copy(update={"nets": {"a": entry(79.0, metrics=raw), "b": entry(78.0)}})
    for found in (one.completed(two), two.completed(one)):
        assert set(found.metrics) == {"top1", "sqnr_db"}
        assert set(found.nets) == {"a", "b"}
        assert set(found.nets["a"].metrics) == {"top1", "sqnr_db"}


@pytest.mark.parametrize(
    ("model", "metric", "net", "words"),
    [
        ("n", "top1", "a", "has no entry for n; write one with"),
        ("m", "top1", "b", "has no entry for m b; write one with"),
        ("m", "top5", "a", "m a has no top5; write it with"),
        ("m", "top5", "int8", "m has no top5; write it with"),
    ],
)
def test_what_is_not_there(tmp_path: Path, model: str, metric: str, net: str, words: str) -> None:
    path = tmp_path / "b.json"
    update_baseline(path, {"m": entry().model_copy(update={"nets": {"a": entry()}})})
    with pytest.raises(BaselineMissingError, match=words):
        read_baseline(path).entry(model, metric, net)


def test_what_an_update_changes() -> None:
    before = {"m": entry().model_copy(update={"nets": {"a": entry(79.0)}})}
    after = {"m": entry().model_copy(update={"nets": {"a": entry(78.0), "b": entry(77.0)}})}
    told = [one.text(lambda value: f"{value:.2f}") for one in changes(before, after)]
    assert told == ["m top1: a 79.00 -> 78.00", "m top1: new: fp32 90.00, b 77.00"]


def test_each_limit_gains_a_case() -> None:
    limits = (
        Tolerance(TOP1, 1.0),
        NetTolerance(TOP1, 1.0, False, "a"),
        Floor(TOP5, 2.0, "a"),
        Floor(SQNR_DB, 9.0, "a"),
    )
    names = [limit.name for limit in NoWorse.of_limits(limits, 0.1)]
    of_int8, of_net = (
        ["baseline[top1]", "baseline[top5]"],
        ["baseline[a.top1]", "baseline[a.top5]", "baseline[a.sqnr_db]"],
    )
    assert names == [*of_int8, *of_net], "int8's raw outputs are computed for its own limits only"
