"""The table at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_quant.extending.known import get_task
from pytest_quant.report.table import table, verdict
from pytest_quant.spec.text import listed

_LEFT = 3
"""The first columns are text and stand left; numbers stand right."""


def summary_lines(report: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, bool]]]:
    """The lines of the summary, each with the markup of pytest's terminal writer."""
    if any(case["outcome"] != "not_run" for case in report["cases"]):
        cells = table(report)
        widths = [max(len(text) for text in column) for column in zip(*cells, strict=True)]
        for index, line in enumerate(cells):
            yield _aligned(line, widths), _markup(line[-1]) if index else {"bold": True}
    for note in footnotes(report):
        yield note, {}
    counts = Counter(verdict([case]).lower() for case in report["cases"])
    yield f"cases: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}", {}


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        cell.ljust(width) if index < _LEFT or index == len(line) - 1 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(line, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _markup(text: str) -> dict[str, bool]:
    if text == "PASS":
        return {"green": True}
    is_excused = text.startswith(("SKIPPED", "NOT RUN")) or text.endswith(("(xfailed)", "(allowed)"))
    return {"yellow": True} if is_excused else {"red": True}


def footnotes(report: Mapping[str, Any]) -> Iterator[str]:
    """What the columns mean, as far as the table needs it."""
    models = report["models"].values()
    if not models:
        return
    level = 100 * next(iter(next(iter(models))["metrics"].values()))["ci_level"]
    yield (
        f"CI: {level:.4g} %, its two bounds one-sided at {50 + level / 2:.4g} %; flips: -right only in fp32, "
        "+right only in int8"
    )
    yield from _onnx_notes(report["models"])
    for name, entry in report["models"].items():
        if (condition := get_task(entry["task"]).footnote(entry["conditions"], entry.get("details", {}))) is not None:
            yield f"{name}: {condition}"
        for metric, values in entry["metrics"].items():
            if values["fp32"] == 0 and values["ci"] is not None:
                yield f"{name}: fp32 scores 0 in {metric}: there is nothing to lose, so its limit tests nothing"
        also = entry.get("calibration", {}).get("also_evaluated", ())
        if also:
            count = entry["calibration"]["images"]
            yield f"{name}: {len(also)} of {count} calibration images are samples of its dataset: int8 has seen them"
    if any(entry["samples"]["evaluated"] < entry["samples"]["total"] for entry in models):
        yield "n < N: a seeded random subset; verdict and CI are about the whole dataset"


def _onnx_notes(models: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for key, meaning in (
        ("onnx", "onnx: the model before conversion to ncnn, on the same samples"),
        ("onnx_int8", "rows onnx_int8: the quantized ONNX file in the place of int8, beside the same fp32"),
    ):
        runtimes = dict.fromkeys(entry[key]["runtime"] for entry in models.values() if key in entry)
        if runtimes:
            yield f"{meaning}, by {listed(runtimes)}"
