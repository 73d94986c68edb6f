"""The report as Markdown, in the form of a published table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pytest_quant.report import diagnosis, rescue
from pytest_quant.report.markdown_text import code, plain
from pytest_quant.report.model import ClassesEntry, ModelEntry, MovedEntry, Report
from pytest_quant.report.table import table
from pytest_quant.report.task_words import change_text
from pytest_quant.report.terminal import footnotes

_CLASSES_SHOWN = 5
"""How many of a model's classes are shown; the JSON report has more."""


def markdown(report: Report) -> str:
    """A table of all models, notes, and every case that did not pass with its reason; see `plain`."""
    report = report.visible()
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "# Accuracy of quantized models"
    yield ""
    yield from _table(report)
    yield ""
    for note in footnotes(report):
        yield f"- {plain(note)}"
    environment = report.environment
    isa = ", ".join(environment.isa)
    yield plain(f"- ncnn {environment.ncnn}, {environment.cpu} ({isa}), pytest-quant {environment.pytest_quant}")
    for name, model in report.models.items():
        yield from (f"- {plain(name)}: {plain(note)}" for note in model.notes)
    yield from _moved(report)
    yield from _classes(report)
    yield from diagnosis.markdown_lines(report)
    yield from rescue.markdown_lines(report)
    yield from _not_passed(report)


def _table(report: Report) -> Iterator[str]:
    found = table(report)
    yield f"| {' | '.join(found.header)} |"
    yield f"|{'---|' * 3}{'---:|' * (len(found.header) - 4)}---|"
    for row, line in zip(found.rows, found.lines(), strict=True):
        cells = list(map(plain, line))
        if row.is_subset:
            cells[found.samples_column] += " \\*"
        yield f"| {' | '.join(cells)} |"


def _moved(report: Report) -> Iterator[str]:
    found = {name: model.moved for name, model in report.models.items() if model.moved}
    if found:
        yield from ("", "## Samples that moved most", "", "Found by fp32 -> found by int8, or what both read.", "")
    for name, moved in found.items():
        samples = ", ".join(f"{code(one.sample)} {plain(_change(one))}" for one in moved)
        yield f"- {plain(name)}: {samples}"


def _classes(report: Report) -> Iterator[str]:
    found = [
        (name, row, metric, entry)
        for name, model in report.models.items()
        for row, classes in _nets_with_classes(name, model)
        for metric, entry in classes.items()
        if entry.losing
    ]
    if found:
        yield from ("", "## Classes that lose most", "", "| model | metric | class | n | fp32 | int8 | drop |")
        yield "|---|---|---|---:|---:|---:|---:|"
    for name, row, metric, entry in found:
        number = report.models[name].metrics[metric].metric(metric).number
        for one in entry.losing[:_CLASSES_SHOWN]:
            values = " | ".join(map(number, (one.fp32, one.int8, one.drop)))
            yield f"| {plain(row)} | {metric} | {plain(one.name)} | {one.samples} | {values} |"


def _nets_with_classes(name: str, model: ModelEntry) -> Iterator[tuple[str, Mapping[str, ClassesEntry]]]:
    """What a row says of the model and each of its further nets, with the classes of that net."""
    yield name, model.classes or {}
    for net, entry in model.further_nets.items():
        yield f"{name}, {net}", entry.classes or {}


def _change(moved: MovedEntry) -> str:
    texts = moved.texts
    return change_text(moved.fp32, moved.int8, None if texts is None else (texts.truth, texts.fp32, texts.int8))


def _not_passed(report: Report) -> Iterator[str]:
    cases = [case for case in report.cases if case.outcome != "passed"]
    if cases:
        yield from ("", "## Cases that did not pass", "")
    alike: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        alike.setdefault((f"{case.verdict.upper()} ({case.outcome})", case.reason), []).append(code(case.id))
    for (verdict, reason), ids in alike.items():  # one reason, such as a missing dataset, may be that of many
        yield f"- {', '.join(ids)} {verdict}: {plain(reason)}"
