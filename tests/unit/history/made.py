"""Runs and results for tests."""

from __future__ import annotations

from dataclasses import replace

from pytest_quant.history.records import Commit, Result, RunRecord

RUN = RunRecord("2026-01-31T12:00:00+00:00", Commit("0123456789abcdef", is_dirty=True), {"ncnn": "1.0", "cpu": "A"})
RESULT = Result(
    model="resnet",
    net="int8",
    metric="top1",
    unit="%",
    maximum=100.0,
    higher_is_better=True,
    fp32=71.86,
    int8=71.43,
    drop=0.43,
    ci_low=0.2,
    ci_high=0.66,
    evaluated=4000,
    total=50000,
    samples_sha256="s",
    files_sha256="f",
    verdict="PASS",
    mood="good",
)
UNMEASURED = replace(
    RESULT, model="broken", metric="", unit=None, maximum=None, fp32=None, int8=None, drop=None, ci_low=None,
    ci_high=None, evaluated=None, total=None, samples_sha256=None, files_sha256=None, verdict="ERROR", mood="bad",
)  # fmt: skip
