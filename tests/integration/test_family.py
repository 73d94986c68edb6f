"""``--quant-family holm``: the confidence of all sampled cases together."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_quant
from tests.integration.test_xdist import comparable

SAMPLED = ("--quant-samples", "60")


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny.write_images(pytester.path, 400)
    return pytester.path


def test_the_cases_of_a_run_share_one_error(pytester: pytest.Pytester, folder: Path) -> None:
    models = {name: tiny.model_entry(folder, name, floor={"top1": 60.0}) for name in ("one", "two")}
    models["bad"] = tiny.write_bad_model(folder, "bad")
    tiny.write_zoo(folder, models)
    alone = run_quant(pytester, *SAMPLED)
    serial = run_quant(pytester, *SAMPLED, "--quant-family", "holm", "--quant-report", "report.md")
    assert "(90% CI" in alone.cases["bad::top1"]["reason"]
    assert "(98% CI" in serial.cases["bad::top1"]["reason"], "5 cases, each bound at 99 %"
    assert serial.verdicts["bad::top1"] == "fail"
    footer = "verdicts on subsets: right at 95 % all together, by Holm's correction over the 5 sampled cases of the run"
    assert footer in serial.text
    assert footer in (folder / "report.md").read_text()
    assert footer not in alone.text
    assert serial.report is not None
    assert serial.report["environment"]["options"]["family"] == "holm"
    parallel = run_quant(pytester, *SAMPLED, "--quant-family", "holm", "-n", "2")
    assert comparable(parallel) == comparable(serial)
    (folder / "pytest.ini").write_text("[pytest]\nquant_family = holm\n")
    assert comparable(run_quant(pytester, *SAMPLED)) == comparable(serial)


def test_a_whole_dataset_needs_no_confidence(pytester: pytest.Pytester, folder: Path) -> None:
    tiny.write_zoo(folder, {"one": tiny.model_entry(folder, "one", floor={"top1": 60.0})})
    assert (
        comparable(run_quant(pytester, "--quant-family", "holm"))["cases"] == comparable(run_quant(pytester))["cases"]
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--quant-family", "bonferroni"), "--quant-family: found 'bonferroni', expected none or holm"),
        (("--quant-family", "holm", "--quant-early-stop"), "exclude each other"),
    ],
)
def test_what_cannot_be_asked_for(pytester: pytest.Pytester, folder: Path, args: tuple[str, ...], message: str) -> None:
    tiny.write_zoo(folder)
    run = run_quant(pytester, *args)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert message in run.errors
