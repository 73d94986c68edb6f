"""The rows of the table that the terminal and the Markdown report print: one per model and metric with a limit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_quant.extending.known import get_task
from pytest_quant.spec.metric import METRICS, Metric

_VERDICTS_WORST_FIRST = ("crashed", "error", "missing", "fail", "inconclusive", "skipped", "pass")
_OUTCOMES_WORST_FIRST = ("failed", "xpassed", "xfailed", "not_run", "skipped", "passed")
_LIMIT_FORMS = {"tolerance": "drop <= {}", "floor": "int8 >= {}", "onnx_int8": "drop <= {}"}


@dataclass(frozen=True)
class Row:
    """One line of the table, as text."""

    model: str
    dataset: str
    metric: str
    onnx: str
    """Of the ONNX file that the fp32 net was converted from."""
    fp32: str
    int8: str
    drop: str
    interval: str
    limit: str
    samples: str
    flips: str
    verdict: str

    def cells(self) -> tuple[str, ...]:
        """The cells in the order of `HEADER`."""
        return tuple(str(getattr(self, name)) for name in self.__dataclass_fields__)


HEADER = (
    *("model", "dataset", "metric", "onnx", "fp32", "int8", "drop", "CI of drop"),
    *("limit", "n of N", "flips", "verdict"),
)


def table(report: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The header and the rows of a report as text; without the column `onnx` where no model has one."""
    found = rows(report)
    lines = [HEADER, *(row.cells() for row in found)]
    if any(row.onnx != "-" for row in found):
        return lines
    left_out = HEADER.index("onnx")
    return [line[:left_out] + line[left_out + 1 :] for line in lines]


def rows(report: Mapping[str, Any]) -> list[Row]:
    """The table of a report: by model and metric; a model that was not measured has one row with its verdict.

    The verdict of a row is the worst of the metric's cases and of those that are about the model as a whole. The cases
    of a quantized ONNX file have rows of their own behind it, with the same fp32 net.
    """
    found = []
    for model, cases in sorted(_by_model(report).items(), key=lambda item: _place(report["models"].get(item[0]))):
        entry = report["models"].get(model)
        found += _rows_of(model, entry, [case for case in cases if case["kind"] != "onnx_int8"])
        quantized = (
            None if entry is None or "onnx_int8" not in entry else {"dataset": entry["dataset"], **entry["onnx_int8"]}
        )
        found += _rows_of(f"{model} onnx_int8", quantized, [case for case in cases if case["kind"] == "onnx_int8"])
    return found


def _place(entry: Mapping[str, Any] | None) -> float:
    """The place of its task: classifiers first, as published tables have them; what was not measured comes last."""
    return math.inf if entry is None else get_task(entry["task"]).place


def _rows_of(name: str, entry: Mapping[str, Any] | None, cases: Sequence[Mapping[str, Any]]) -> list[Row]:
    """One per metric of the cases, or one for all of them where nothing was measured; none without cases."""
    metrics = dict.fromkeys(case["metric"] for case in cases if case["metric"] is not None)
    if cases and (entry is None or not metrics):
        return [_bare_row(name, "-", entry, cases)]
    found = []
    for metric in metrics:
        about = [case for case in cases if case["metric"] in (metric, None)]
        if entry is not None and metric in entry["metrics"]:
            found.append(_row(name, METRICS[metric], entry, about))
        else:
            found.append(_bare_row(name, metric, entry, about))
    return found


def _by_model(report: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    models: dict[str, list[Mapping[str, Any]]] = {}
    for case in report["cases"]:
        if case["model"] is not None:
            models.setdefault(case["model"], []).append(case)
    return dict(sorted(models.items()))


def _bare_row(model: str, metric: str, entry: Mapping[str, Any] | None, cases: Sequence[Mapping[str, Any]]) -> Row:
    dataset = entry["dataset"] if entry is not None else "-"
    return Row(model, dataset, metric, "-", "-", "-", "-", "-", "-", "-", "-", verdict(cases))


def _row(model: str, metric: Metric, entry: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]) -> Row:
    numbers, samples, flips = entry["metrics"][metric.name], entry["samples"], entry["flips"]
    low, high = numbers["ci"]
    onnx = entry.get("onnx", {}).get("metrics", {})
    return Row(
        model=model,
        dataset=entry["dataset"],
        metric=metric.name,
        onnx="-" if metric.name not in onnx else metric.number(onnx[metric.name]["onnx"]),
        fp32=metric.number(numbers["fp32"]),
        int8=metric.number(numbers["int8"]),
        drop=metric.number(numbers["drop"]),
        interval=f"{metric.number(low)} to {metric.number(high)}",
        limit=", ".join(_limits(metric, cases)) or _other_kinds(cases),
        samples=f"{samples['evaluated']} of {samples['total']}",
        # A model has one count of flips; that of a classifier is about its first answer.
        flips="-" if metric.name == "top5" else f"-{flips['only_fp32_right']} +{flips['only_int8_right']}",
        verdict=verdict(cases),
    )


def _limits(metric: Metric, cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for kind, form in _LIMIT_FORMS.items():
        values = dict.fromkeys(case["limit"] for case in cases if case["kind"] == kind)
        shown = (metric.number(value) if isinstance(value, (int, float)) else str(value) for value in values)
        yield from (form.format(value) for value in shown)


def _badness(case: Mapping[str, Any]) -> tuple[int, int]:
    return _VERDICTS_WORST_FIRST.index(case["verdict"]), _OUTCOMES_WORST_FIRST.index(case["outcome"])


def _other_kinds(cases: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(case["kind"] for case in cases if case["metric"] is not None)) or "-"


def verdict(cases: Sequence[Mapping[str, Any]]) -> str:
    """The worst verdict of some cases in capitals, with what it means to pytest where that differs."""
    # A baseline that has no entry yet says nothing about the model.
    telling = [case for case in cases if case["verdict"] != "skipped" or case["kind"] != "baseline"]
    worst = min(telling or cases, key=_badness)
    text = "NOT RUN" if worst["outcome"] == "not_run" else str(worst["verdict"]).upper()
    if worst["outcome"] in ("xfailed", "xpassed"):
        text += f" ({worst['outcome']})"
    elif worst["verdict"] == "inconclusive" and worst["outcome"] == "passed":
        text += " (allowed)"
    return text
