"""The table at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pytest_quant.judging.limits import is_estimate, tells_below_table
from pytest_quant.report import task_words
from pytest_quant.report.columns import folded
from pytest_quant.report.model import Case, ModelEntry, NetSamplesEntry, Report, SamplesEntry
from pytest_quant.report.table import Mood, table, verdict
from pytest_quant.spec.metric import SQNR_DB
from pytest_quant.spec.text import hanging, listed

_MARKUP: dict[Mood, dict[str, bool]] = {"good": {"green": True}, "excused": {"yellow": True}, "bad": {"red": True}}


def summary_lines(
    report: Report, *, width: int | None = None, columns: Sequence[str] = ()
) -> Iterator[tuple[str, dict[str, bool]]]:
    """The lines of the summary, each with the markup of pytest's terminal writer.

    The table is folded to ``width``, or has the ``columns`` that were chosen, by their names; what stands below it is
    wrapped at ``width``.
    """
    report = report.visible()
    if any(case.outcome != "not_run" for case in report.cases):
        found = table(report)
        shown = folded(found, width=width, chosen=columns)
        yield shown.header, {"bold": True}
        for row, line in zip(found.rows, shown.lines, strict=True):
            yield line, _MARKUP[row.verdict.mood]
        if shown.left_out:
            told = f"no room for {listed(shown.left_out)}: --quant-columns chooses, --quant-report has all"
            yield from ((line, {}) for line in hanging(told, width))
    for text, markup in _below(report):
        yield from ((line, markup) for line in hanging(text, width))


def _below(report: Report) -> Iterator[tuple[str, dict[str, bool]]]:
    """What stands below the table, with its markup."""
    for note in footnotes(report):
        yield note, {}
    for case in report.cases:
        if case.verdict == "fail" and tells_below_table(case.kind):
            yield f"{case.model}: {case.reason}", {}
    for reason, models in _skipped(report).items():
        yield f"skipped: {listed(models)}: {reason}", {"yellow": True}
    yield counts_line(report), {}


def counts_line(report: Report) -> str:
    """How many cases came to what."""
    counts = Counter(verdict([case]).text.lower() for case in report.cases)
    return f"cases: {', '.join(f'{count} {name}' for name, count in sorted(counts.items()))}"


def _skipped(report: Report) -> dict[str, dict[str, None]]:
    """Reason to the models that were skipped for it, in the order of the cases."""
    found: dict[str, dict[str, None]] = {}
    for case in report.cases:
        if case.outcome == "skipped":
            found.setdefault(case.reason, {})[case.model or case.id] = None
    return found


def footnotes(report: Report) -> Iterator[str]:
    """What the columns mean, as far as the table needs it."""
    models = report.models.values()
    if not models:
        return
    level = next((100 * metric.ci_level for model in models for metric in model.metrics.values()), None)
    if level is not None:
        yield (
            f"CI: {level:.4g} %, its two bounds one-sided at {50 + level / 2:.4g} %; flips: -right only in fp32, "
            "+right only in int8"
        )
    yield from _family(report)
    yield from _without_labels(report)
    yield from _runtime_notes(report)
    for name, model in report.models.items():
        yield from (f"{name}: {note}" for note in (*_looks(model), *_notes(model)))
    if any(model.samples.evaluated < model.samples.total for model in models):
        yield "n < N: a seeded random subset; verdict and CI are about the whole dataset"


def _family(report: Report) -> Iterator[str]:
    options = report.environment.options
    confidence = options.get("confidence")
    if options.get("family") != "holm" or not isinstance(confidence, float):
        return
    sampled = [case for case in report.cases if is_estimate(case.kind) and _is_sampled(report, case)]
    yield (
        f"verdicts on subsets: right at {100 * confidence:g} % all together, by Holm's correction over the "
        f"{len(sampled)} sampled cases of the run; the column CI is that of each drop alone"
    )


def _is_sampled(report: Report, case: Case) -> bool:
    model = report.models.get(case.model or "")
    return model is not None and model.samples.evaluated < model.samples.total


def _without_labels(report: Report) -> Iterator[str]:
    named = {case.metric for case in report.cases}
    if "agreement" in named:
        yield "agreement: int8 scored with fp32's own answers as the truth"
    if SQNR_DB.name in named:
        yield f"{SQNR_DB.name}: signal to noise of int8's raw outputs, fp32's being the signal; the worst output, in dB"


def _looks(model: ModelEntry) -> Iterator[str]:
    """Where an evaluation of looks was stopped, of int8 and of each further net."""
    nets: dict[str, SamplesEntry | NetSamplesEntry] = {"": model.samples}
    nets |= {f"{name} ": net.samples for name, net in model.further_nets.items()}
    for net, samples in nets.items():
        if samples.look is not None and samples.stopped_early:
            yield (
                f"{net}stopped early at look {samples.look.number} of {len(samples.look.planned)}, at "
                f"{samples.evaluated} of {samples.total} samples; {samples.look.evidence}: bounds of a bootstrap, "
                "the error shared by all looks (alpha spending)"
            )


def _notes(model: ModelEntry) -> Iterator[str]:
    of_task = task_words.footnote(model)
    if of_task is not None:
        yield of_task
    if model.sanity is not None:
        for finding in model.sanity.findings:
            word = "note" if finding.waived is not None else finding.severity
            yield f"sanity {word}: {finding.text}"
        return
    for metric, values in model.metrics.items():
        if values.fp32 == 0 and values.ci is not None:
            yield f"fp32 scores 0 in {metric}: there is nothing to lose, so its limit tests nothing"
    facts = model.calibration
    if facts is not None and facts.also_evaluated:
        count = len(facts.also_evaluated)
        yield f"{count} of {facts.images} calibration images are samples of its dataset: int8 has seen them"


def _runtime_notes(report: Report) -> Iterator[str]:
    """What ran the nets, where they are not those of ncnn alone, or ran on a target."""
    models = report.models.values()
    there: dict[str, list[str]] = {}
    for name, model in report.models.items():
        sides = set((model.runtimes or {}).values())
        told = listed(f"{side} by {runtime}" for side, runtime in (model.runtimes or {}).items())
        if any(not runtime.startswith("ncnn ") for runtime in sides):
            yield f"{name}: {told}"
        elif any(" on " in runtime for runtime in sides):
            there.setdefault(told, []).append(name)
    for told, names in there.items():
        yield f"{', '.join(names)}: {told}"
    before = dict.fromkeys(model.onnx.runtime for model in models if model.onnx is not None)
    if before:
        yield f"onnx: the model before conversion to ncnn, on the same samples, by {listed(before)}"
    quantized = dict.fromkeys(model.onnx_int8.runtime for model in models if model.onnx_int8 is not None)
    if quantized:
        yield (
            "rows onnx_int8: the quantized ONNX file in the place of int8, beside the same fp32, "
            f"by {listed(quantized)}"
        )
    others: dict[str, dict[str, None]] = {}
    for model in models:
        for name, net in (model.nets or {}).items():
            others.setdefault(name, {})[net.runtime] = None
    for name, runtimes in sorted(others.items()):
        yield f"rows {name}: that net in the place of int8, beside the same fp32, by {listed(runtimes)}"
