"""Nets that are fed arrays: several inputs, and inputs that are no images; datasets of type ``arrays``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import tiny_arrays, tiny_onnx
from tests.integration.runs import run_quant
from tests.unit.report.volatile import without_volatile

COUNT = 24
NAMES = {"features": "features", "token_ids": "ids"}


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    tiny_arrays.write_samples(pytester.path / "inputs", COUNT)
    return pytester.path


def expected(scale: float = tiny_arrays.SCALE) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The scores of the float net, and with the input of its convolution and its weights rounded to int8."""
    fp32, int8 = [], []
    weights = tiny_arrays.WEIGHTS
    by_row = 127 / np.abs(weights).max(axis=1)
    rounded = np.round(weights * by_row[:, None]) / by_row[:, None]
    for features, ids in tiny_arrays.samples(COUNT):
        fp32.append(tiny_arrays.reference(features, ids))
        coarse = np.clip(np.round(features * scale), -127, 127) / scale
        seen = np.einsum("oc,chw->o", rounded, coarse) / coarse[0].size + tiny_arrays.BIAS
        int8.append((seen + tiny_arrays.TABLE[ids].mean(axis=0)) @ tiny_arrays.HEAD.T)
    return np.array(fp32), np.array(int8)


def sqnr_db(fp32: np.ndarray[Any, Any], int8: np.ndarray[Any, Any]) -> float:
    return float(10 * np.log10((fp32**2).sum() / ((int8 - fp32) ** 2).sum()))


def test_two_inputs_in_two_runtimes_on_the_same_files(pytester: pytest.Pytester, folder: Path) -> None:
    good = tiny_arrays.model_entry(folder, "good")
    good["nets"] = {
        "onnx_fp32": {
            "onnxruntime": tiny_onnx.write_features_and_ids(folder),
            "inputs": NAMES,
            "floor": {"agreement": 100.0, "sqnr_db": 80},
        },
        "onnx_qdq": {
            "onnxruntime": tiny_onnx.write_features_and_ids(folder, "qdq.onnx", qdq=True, inputs=("in0", "in1")),
            "floor": {"sqnr_db": 25},
        },
    }
    bad = tiny_arrays.model_entry(folder, "bad", scale=300.0)
    tiny_arrays.write_zoo(folder, {"good": good, "bad": bad})
    serial = run_quant(pytester, "--quant-report", "report.md", "--quant-report", "report.html")
    assert serial.report is not None
    assert serial.verdicts == {
        **{f"good::{name}": "pass" for name in ("floor[agreement]", "floor[sqnr_db]", "int8")},
        **{f"good::floor[onnx_fp32.{name}]": "pass" for name in ("agreement", "sqnr_db")},
        "good::floor[onnx_qdq.sqnr_db]": "pass",
        "bad::floor[agreement]": "fail",
        "bad::floor[sqnr_db]": "fail",
        "bad::int8": "pass",
    }
    assert serial.cases["good::sanity"]["verdict"] == "pass"
    for name, scale in (("good", tiny_arrays.SCALE), ("bad", 300.0)):
        fp32, int8 = expected(scale)
        same_pct = 100 * float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
        assert serial.metric(name, "agreement")["int8"] == pytest.approx(same_pct)
        assert serial.cases[f"{name}::floor[sqnr_db]"]["value"] == pytest.approx(sqnr_db(fp32, int8), abs=0.05)
    conditions = serial.report["models"]["good"]["conditions"]
    assert conditions["inputs"] == {"in0": "features", "in1": "ids"}
    assert "color" not in conditions
    assert "good " in serial.text
    assert "| good | inputs | agreement | 100.00 | " in (folder / "report.md").read_text()
    assert "good" in (folder / "report.html").read_text()
    for args in (("-n", "2"), ()):
        assert without_volatile(run_quant(pytester, *args).report or {}) == without_volatile(serial.report)
