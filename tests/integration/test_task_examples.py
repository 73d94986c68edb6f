"""The zoo files in examples/ for segmentation and recognition: with stand-in nets every entry can be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests import tiny
from tests.integration.runs import run_quant
from tests.integration.test_other_tasks import write_convolution

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ["segmentation", "recognition"]
OUTPUTS = {"fcn-r18-cityscapes": 1, "deeplabv3-r50-ade20k": 150, "pspnet-r18-voc2012": 21, "espnet-camvid": 12}


def entries(name: str) -> dict[str, Any]:
    models: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.quant.yaml").read_text(encoding="utf-8"))["models"]
    return models


def write_stand_ins(folder: Path, name: str, entry: dict[str, Any]) -> None:
    """Nets with the blob names of an entry, at the places that it names; keys for three outputs."""
    place = folder / name
    place.mkdir(parents=True)
    channels = 1 if entry["input"]["color"] == "gray" else 3
    outputs = OUTPUTS.get(name, 3)
    weights, bias = np.ones((outputs, channels), np.float32), np.zeros(outputs, np.float32)
    for side, scale in (("fp32", None), ("int8", tiny.GOOD_SCALE)):
        stem = Path(entry[side]["param"]).stem
        write_convolution(place, stem, weights, bias, "ReLU", scale=scale)
        param = place / f"{stem}.param"
        text = re.sub(r"\bin0\b", entry["input"]["blob"], param.read_text())
        param.write_text(re.sub(r"\bout0\b", entry["output"], text))
    if "keys" in entry.get("postprocess", {}):
        (place / Path(entry["postprocess"]["keys"]).name).write_text("a\nb\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_can_be_used(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without the datasets all cases that need one skip; a key that is wrong would be a case `config`."""
    for model, entry in entries(name).items():
        write_stand_ins(pytester.path / "nets", model, entry)
    monkeypatch.setenv("QUANT_MODELS", str(pytester.path / "nets"))
    text = (EXAMPLES / f"{name}.quant.yaml").read_text(encoding="utf-8")
    for variable in set(re.findall(r"\$\{(\w+_ROOT)", text)):
        monkeypatch.delenv(variable, raising=False)
    (pytester.path / "zoo.quant.yaml").write_text(text, encoding="utf-8")
    run = run_quant(pytester)
    assert {case.rpartition("::")[2] for case in run.cases} & {"config", "zoo"} == set()
    assert {verdict for case, verdict in run.verdicts.items() if case.endswith("::int8")} == {"pass"}
    skipped = {case.partition("::")[0] for case, verdict in run.verdicts.items() if verdict == "skipped"}
    assert skipped == set(entries(name))


@pytest.mark.parametrize("name", NAMES)
def test_without_models_each_entry_says_which_file_is_missing(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("QUANT_MODELS", raising=False)
    text = (EXAMPLES / f"{name}.quant.yaml").read_text(encoding="utf-8")
    (pytester.path / "zoo.quant.yaml").write_text(text, encoding="utf-8")
    run = run_quant(pytester)
    assert set(run.verdicts) == {f"{model}::config" for model in entries(name)}
    assert all("does not exist" in case["reason"] for case in run.cases.values())
