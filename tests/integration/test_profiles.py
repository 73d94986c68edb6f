"""Every profile goes through a whole run: what it leaves open must not surprise a report."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from pytest_quant.tasks.classification.options import AccuracyOptions
from pytest_quant.tasks.text_detection.options import HmeanOptions
from pytest_quant.tasks.text_detection.parameters import DB_PROFILES
from tests import tiny
from tests.integration.runs import run_quant
from tests.integration.test_other_tasks import text_zoo

HMEAN: tuple[str, ...] = get_args(HmeanOptions.model_fields["profile"].annotation)
TOP1: tuple[str, ...] = get_args(AccuracyOptions.model_fields["profile"].annotation)
DB = tuple(DB_PROFILES)


@pytest.mark.parametrize("scale", [tiny.GOOD_SCALE, 12700.0], ids=["good", "finds-nothing"])
@pytest.mark.parametrize("hmean", [{}, *({"profile": name} for name in HMEAN)], ids=str)
def test_profiles_of_hmean(pytester: pytest.Pytester, hmean: dict[str, Any], scale: float) -> None:
    text_zoo(pytester.path, scale, metric={"hmean": hmean}, floor={"agreement": 0.5})
    run = run_quant(pytester, "--quant-report", "report.md")
    verdict = "pass" if scale == tiny.GOOD_SCALE else "fail"
    assert run.verdicts["bars::hmean"] == run.verdicts["bars::floor[agreement]"] == verdict
    assert "bars: " in run.text
    assert "## Cases that did not pass" in (pytester.path / "report.md").read_text() or verdict == "pass"


@pytest.mark.parametrize("profile", DB)
def test_profiles_of_db(pytester: pytest.Pytester, profile: str) -> None:
    text_zoo(pytester.path, tiny.GOOD_SCALE, postprocess={"decoder": "db", "profile": profile, "unclip_ratio": 0.1})
    run = run_quant(pytester)
    assert run.verdicts["bars::hmean"] == "pass"
    assert run.report is not None
    assert profile in run.report["models"]["bars"]["conditions"].values()


@pytest.mark.parametrize("profile", TOP1)
def test_profiles_of_top1(pytester: pytest.Pytester, profile: str) -> None:
    tiny.write_images(pytester.path, 40)
    tiny.write_zoo(pytester.path, {"m": tiny.model_entry(pytester.path, "m", metric={"top1": {"profile": profile}})})
    assert run_quant(pytester).verdicts["m::top1"] == "pass"
