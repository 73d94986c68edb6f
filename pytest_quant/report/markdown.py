"""The report as Markdown, in the form of a published table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_quant.report import rescue
from pytest_quant.report.diagnosis import markdown_lines
from pytest_quant.report.table import table
from pytest_quant.report.terminal import footnotes


def markdown(report: Mapping[str, Any]) -> str:
    """A table of all models, notes, and every case that did not pass with its reason."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield "# Accuracy of quantized models"
    yield ""
    header, *lines = table(report)
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * 3}{'---:|' * (len(header) - 4)}---|"
    samples = header.index("n of N")
    for line in lines:
        star = " \\*" if is_subset(line[samples]) else ""
        cells = (*line[:samples], line[samples] + star, *line[samples + 1 :])
        yield f"| {' | '.join(_escaped(cell) for cell in cells)} |"
    yield ""
    for note in footnotes(report):
        yield f"- {note}"
    environment = report["environment"]
    yield (
        f"- ncnn {environment['ncnn']}, {environment['cpu']} ({', '.join(environment['isa'])}), "
        f"pytest-quant {environment['pytest_quant']}"
    )
    for model, entry in report["models"].items():
        yield from (f"- {model}: {_escaped(note)}" for note in entry.get("notes", ()))
    yield from _moved(report)
    yield from markdown_lines(report)
    yield from rescue.markdown_lines(report)
    yield from _not_passed(report)


def _moved(report: Mapping[str, Any]) -> Iterator[str]:
    found = {model: entry["moved"] for model, entry in report["models"].items() if entry.get("moved")}
    if found:
        yield ""
        yield "## Samples that moved most"
        yield ""
        yield "Found by fp32 -> found by int8."
        yield ""
    for model, moved in found.items():
        samples = ", ".join(f"`{one['sample']}` {one['fp32']:g} -> {one['int8']:g}" for one in moved)
        yield f"- {model}: {_escaped(samples)}"


def is_subset(samples: str) -> bool:
    """Whether ``n of N`` tells of a subset."""
    evaluated, _, total = samples.partition(" of ")
    return bool(total) and evaluated != total


def _not_passed(report: Mapping[str, Any]) -> Iterator[str]:
    cases = [case for case in report["cases"] if case["outcome"] != "passed"]
    if cases:
        yield ""
        yield "## Cases that did not pass"
        yield ""
    for case in cases:
        reason = case["reason"].replace("\n", "<br>")
        yield f"- `{case['id']}` {case['verdict'].upper()} ({case['outcome']}): {_escaped(reason)}"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
