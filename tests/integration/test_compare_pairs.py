"""``pytest-quant compare`` sample by sample, for every kind of metric: against the drop that a run finds by itself.

Where the earlier int8 net is the fp32 net, how much worse the later one is is the later run's own drop, and so is the
interval of it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_quant.cli.main import main
from tests import tiny, tiny_detector
from tests.integration.runs import Run, run_quant

FIXTURES = Path(__file__).parents[2] / "fixtures"
MODELS = {"textsnake": "hmean", "hourglass52": "AP", "ssd": "mAP", "encdec": "mIoU", "crnn": "word_acc"}
COUNTS = dict.fromkeys(MODELS, 12) | {"crnn": 40}


def write_miniatures(folder: Path, *, fp32_twice: bool) -> None:
    """The fixtures' nets of the tasks whose metrics are not counted, and a recognizer."""
    datasets: dict[str, Any] = {}
    models: dict[str, Any] = {}
    for name in ("zoo", "more"):
        zoo = yaml.safe_load((FIXTURES / f"{name}.quant.yaml").read_text())
        datasets |= zoo["datasets"]
        models |= {model: entry for model, entry in zoo["models"].items() if model in MODELS}
    for name, entry in models.items():
        for key in ("published", "onnx"):
            entry.pop(key, None)
        entry["samples"] = COUNTS[name]
        percent = name == "encdec"
        entry |= {
            "tolerance": {MODELS[name]: 9.0 if percent else 0.09},
            "floor": {"agreement": 2.0 if percent else 0.1},
        }
        if fp32_twice:
            entry["int8"] = entry["fp32"]
    (folder / "zoo.quant.yaml").write_text(yaml.safe_dump({"version": 1, "datasets": datasets, "models": models}))


def run(pytester: pytest.Pytester, name: str, *args: str) -> Run:
    found = run_quant(pytester, "--no-quant-diagnose", *args, cached=True)
    shutil.copy(pytester.path / "report.json", pytester.path / name)
    return found


def compare(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    main(["compare", "old.json", "new.json", "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_what_changed_since_fp32_is_the_drop(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pytester.path)
    for part in ("data", "models"):
        (pytester.path / part).symlink_to(FIXTURES / part)
    write_miniatures(pytester.path, fp32_twice=True)
    run(pytester, "old.json")
    write_miniatures(pytester.path, fp32_twice=False)
    new = run(pytester, "new.json")
    assert new.report is not None
    rows = {(row["model"], row["metric"]): row for row in compare(capsys)["rows"]}
    assert set(rows) == {(model, metric) for model, own in MODELS.items() for metric in (own, "agreement")}
    for (model, metric), row in rows.items():
        drop = new.report["models"][model]["metrics"][metric]
        if row["worse_by"]:
            assert row["is_paired"], row
            assert row["source"].startswith(f"the same {COUNTS[model]} samples, paired")
            assert row["worse_by"] == pytest.approx(drop["drop"])
            assert row["ci"] == pytest.approx(drop["ci"], abs=1e-6)
            assert row["ci_level"] == drop["ci_level"]
    assert {model for (model, _), row in rows.items() if row["worse_by"]} == set(MODELS)


@pytest.fixture
def detector(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(pytester.path)
    tiny_detector.write_dataset(pytester.path)
    entry = tiny_detector.model_entry(pytester.path, floor={"sqnr_db": 1.0, "agreement": 0.1})
    tiny.write_zoo(pytester.path, {"squares": entry}, datasets={"squares": tiny_detector.DATASET})
    return pytester.path


def make_worse(folder: Path) -> None:
    tiny_detector.write_net(folder, "squares-int8", int8=True, bottom_scale=tiny.BAD_SCALE)


def test_raw_outputs_are_paired(pytester: pytest.Pytester, detector: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = run(pytester, "old.json")
    make_worse(detector)
    new = run(pytester, "new.json")
    found = compare(capsys)
    rows = {row["metric"]: row for row in found["rows"]}
    before, now = (one.report["models"]["squares"]["outputs"]["blobs"]["rows"]["sqnr_db"]
                   for one in (old, new) if one.report is not None)  # fmt: skip
    row = rows["sqnr_db"]
    assert (row["int8"], row["fp32"]) == ({"before": before, "now": now}, {"before": None, "now": None})
    assert row["worse_by"] == pytest.approx(before - now)
    assert row["is_paired"]
    assert row["ci"][0] < row["worse_by"] < row["ci"][1]
    assert (row["change"], row["unit"], row["is_regression"]) == ("worse", "dB", True)
    assert rows["mAP"]["change"] == "worse"
    assert found["is_regression"]
    assert found["schema"] == 1
    assert "squares: other files: int8.bin" in found["models"]


def test_what_cannot_be_paired_says_so(
    pytester: pytest.Pytester, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pytester, "old.json")
    make_worse(detector)
    run(pytester, "new.json")
    shutil.rmtree(detector / ".pytest_cache" / "d" / "quant" / "predictions")
    rows = {row["metric"]: row for row in compare(capsys)["rows"]}
    assert {row["why_not_paired"] for row in rows.values()} == {
        "the cache does not have the predictions of both any more"
    }
    assert not any(row["is_paired"] for row in rows.values())
    assert rows["mAP"]["source"] == "change of the drop, from both intervals, as of independent samples"
    assert (rows["sqnr_db"]["ci"], rows["sqnr_db"]["change"]) == (None, "worse, by an unknown noise")
    main(["compare", "old.json", "new.json"])
    assert "squares sqnr_db: no interval is known: the cache does not have" in capsys.readouterr().out


def test_outputs_that_are_those_of_fp32(
    pytester: pytest.Pytester, detector: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(pytester, "new.json")
    tiny_detector.write_net(detector, "squares-int8")
    run(pytester, "old.json")
    (row,) = [row for row in compare(capsys)["rows"] if row["metric"] == "sqnr_db"]
    assert (row["int8"]["before"], row["worse_by"], row["change"]) == (None, None, "changed")
    main(["compare", "old.json", "new.json"])
    text = capsys.readouterr().out
    assert "identical -> " in text
    assert "squares sqnr_db: no interval is known: one of them is not a number" in text
