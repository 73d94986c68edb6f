"""Limits about files alone: what int8 and its table must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.judging.assess import Assessor
from pytest_quant.judging.limits.int8 import Quantized
from pytest_quant.judging.limits.table import SoundTable
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.verdict import Verdict
from pytest_quant.zoo.reader import find_model, read_zoo
from tests import tiny

SOUND = "conv_param_0 63.5 63.5 63.5 1270\nconv 127\n"


def verdict(folder: Path, limit: Limit, **changes: Any) -> Verdict:
    model = find_model(read_zoo(tiny.write_zoo(folder, {"tiny": tiny.model_entry(folder, **changes)})), "tiny")
    return Assessor(open_workbench(folder / "run", cores=1), confidence=0.95).assess(model, limit)


def with_table(folder: Path, text: str) -> Verdict:
    (folder / "t.table").write_text(text)
    entry = tiny.model_entry(folder)
    return verdict(folder, SoundTable(), int8={**entry["int8"], "table": "t.table"})


def test_a_table_that_lacks_a_quantized_layer_fails(tmp_path: Path) -> None:
    found = with_table(tmp_path, SOUND.replace("conv", "other"))
    assert found.decision == "fail"
    assert found.reason.partition("t.table:")[2].lstrip().startswith("1 layers that are quantized in int8 are not in")
    assert found.value is not None
    assert found.value >= 1


def test_a_table_that_has_every_quantized_layer_passes(tmp_path: Path) -> None:
    found = with_table(tmp_path, SOUND)
    assert (found.decision, found.value) == ("pass", 0.0)
    assert "1 layers, every scale is usable" in found.reason


@pytest.mark.parametrize("limit", [Quantized(), SoundTable()])
def test_they_need_no_dataset_and_are_about_no_metric(limit: Limit) -> None:
    assert (limit.needs_dataset, limit.metric, limit.recorded, limit.name) == (False, None, None, limit.kind)


def test_a_float_net_under_int8_fails(tmp_path: Path) -> None:
    found = verdict(tmp_path, Quantized(), int8=tiny.model_entry(tmp_path)["fp32"])
    assert (found.decision, found.value) == ("fail", 0.0)
    assert "(layers that could be int8: 1 Convolution)" in found.reason


def test_many_findings_are_a_list(tmp_path: Path) -> None:
    lines = "".join(f"other{number}_param_0 1\nother{number} 1\n" for number in range(5))
    found = with_table(tmp_path, f"{SOUND}{lines}")
    first, *listed, last = found.reason.splitlines()
    assert first.endswith("t.table:")
    assert listed == [
        f"  other{number}: the table names a layer that the model does not have: another model's table"
        for number in range(4)
    ]
    assert last == "  and 1 more: `pytest-quant lint` has all"
