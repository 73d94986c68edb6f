"""What a damaged file makes its reader stumble over is its model's `config` case; other models are decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_quant.zoo.resolve import ModelResolver
from tests import tiny
from tests.integration.runs import run_quant

Damage = Callable[[Path], None]


def in_param(old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        path = folder / "damaged.param"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1), newline="")

    return damage


CONV = "conv  1 1 data conv"
DAMAGES = {
    "a digit that is none": in_param(CONV, "conv  ² 1 data conv"),
    "a count of 5000 digits": in_param("4 4", f"4 {'9' * 5000}"),
    "a count beyond 64 bits": in_param("4 4", "4 99999999999999999999"),
    "so many inputs": in_param(CONV, f"conv  {'9' * 5000} 1 data conv"),
    "a layer without inputs": in_param("pool  1 1 conv pool", "pool  0 1 pool"),
    "Arabic digits": in_param("0=4", "0=٤"),
    "a number beyond 32 bits": in_param("6=12", "6=99999999999"),
    "a float that overflows": in_param("6=12", "6=1e999"),
    "a float for a whole number": in_param("0=1 4=1", "0=1 4=1.5"),
    "an array of nothing": in_param("0=1 4=1", f"0=1 4=1 -23310={'9' * 400},1"),
    "text for a number": in_param("0=1 4=1", "0=1 4=e1"),
    "NUL": in_param("4=1", "4=\0"),
    "a byte order mark": in_param("7767517", "\ufeff7767517"),
    "layers that do not fit": in_param("pool  1 1 conv pool", "pool  1 2 conv pool more"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_one_damaged_net(pytester: pytest.Pytester, damage: Damage) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    entries = {name: tiny.model_entry(folder, name, tolerance={"top1": 9.0}) for name in ("damaged", "sound")}
    tiny.write_zoo(folder, entries)
    damage(folder)
    run = run_quant(pytester)
    assert run.verdicts == {"damaged::config": "error", "sound::top1": "pass", "sound::int8": "pass"}
    assert "damaged.param" in run.cases["damaged::config"]["reason"]
    assert "Traceback" not in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", "[0x" + "f" * 5000 + ", 8]"),
        ("size", "[" + "9" * 5000 + ", 8]"),
        ("mean", "[1.0e+999, 0, 0]"),
        ("mean", "[.nan, 0, 0]"),
        ("std", "[" + "9" * 400 + ", 1, 1]"),
        ("size", "[1_000_000_000_000, 8]"),
    ],
)
def test_one_damaged_entry(pytester: pytest.Pytester, key: str, value: str) -> None:
    folder = pytester.path
    tiny.write_images(folder, 12)
    entries = {name: tiny.model_entry(folder, name, tolerance={"top1": 9.0}) for name in ("damaged", "sound")}
    entries["damaged"]["input"][key] = "HERE"
    zoo = tiny.write_zoo(folder, {"damaged": entries["damaged"]}, name="damaged.quant.yaml")
    zoo.write_text(zoo.read_text().replace("HERE", value))
    tiny.write_zoo(folder, {"sound": entries["sound"]})
    run = run_quant(pytester)
    assert {name: verdict for name, verdict in run.verdicts.items() if name.startswith("sound")} == {
        "sound::top1": "pass",
        "sound::int8": "pass",
    }
    (broken,) = (case for name, case in run.cases.items() if "damaged" in name)
    assert (broken["kind"] in ("config", "zoo"), broken["verdict"]) == (True, "error")
    assert "damaged.quant.yaml:" in broken["reason"]
    assert "Traceback" not in run.text


def test_what_nobody_foresaw_is_one_entry_s_error_with_its_traceback(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two models, and the reader stumbles over one of them."""
    folder = pytester.path
    tiny.write_images(folder, 12)
    entries = {name: tiny.model_entry(folder, name, tolerance={"top1": 9.0}) for name in ("damaged", "sound")}
    tiny.write_zoo(folder, entries)
    resolve = ModelResolver.resolve

    def stumbling(self, name, raw):  # type: ignore[no-untyped-def]
        if name == "damaged":
            raise OverflowError("int too large to convert to float")
        return resolve(self, name, raw)

    monkeypatch.setattr(ModelResolver, "resolve", stumbling)
    run = run_quant(pytester)
    assert run.verdicts == {"damaged::config": "error", "sound::top1": "pass", "sound::int8": "pass"}
    reason = run.cases["damaged::config"]["reason"]
    assert "models.damaged: pytest-quant failed on it in a way that it should not, with OverflowError" in reason
    assert "please report this with the file" in reason
    assert reason.rstrip().endswith("OverflowError: int too large to convert to float")
