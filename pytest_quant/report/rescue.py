"""A rescue in the report, and in the words of messages, the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_quant.judging.limits import is_loss
from pytest_quant.report.markdown_text import plain
from pytest_quant.report.model import (
    ByNetBytes,
    ByNetMilliseconds,
    EvaluatedEntry,
    LossEntry,
    ModelEntry,
    NoRescueEntry,
    Report,
    RescueEntry,
    RescueFilesEntry,
    RescueTimingEntry,
    SearchedEntry,
)
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import listed, shown

if TYPE_CHECKING:
    from pytest_quant.rescue.costs import Costs
    from pytest_quant.rescue.rescue import Evaluated, Rescue
    from pytest_quant.rescue.rescues import NoRescue
    from pytest_quant.rescue.trials import Loss

_DIGITS = 9
_LAYERS_NAMED = 12


def rescue_entry(found: Rescue, base: Path) -> RescueEntry:
    """What a rescue came to; paths are relative to ``base`` where they lie below it."""
    recipe = found.best.recipe
    is_written = found.files is not None
    return RescueEntry(
        found=found.found is not None,
        meets=found.meets,
        method=recipe.method,
        eight_bit=recipe.eight_bit,
        keep_float=tuple(sorted(recipe.keep_float)),
        int8_macs=round(found.best.int8_share, _DIGITS),
        trials=found.trials,
        samples=found.samples,
        labelled=found.labelled,
        also_evaluated=found.also_evaluated,
        decided_by=found.deciding,
        search={
            before.metric.name: SearchedEntry(before=_loss(before), after=_loss(after))
            for before, after in zip(found.before, found.after, strict=True)
        },
        evaluation={one.metric: _evaluated(one) for one in found.evaluated} if is_written else None,
        files=_files(found, base),
        bytes=None if found.costs is None else _bytes(found.costs),
        timing=None if found.costs is None else _timing(found.costs),
    )


def tried_entry(found: Rescue | NoRescue, base: Path) -> RescueEntry | NoRescueEntry:
    """The same, or why none was tried."""
    from pytest_quant.rescue.rescues import NoRescue  # loaded where one was tried, not where it is shown

    if isinstance(found, NoRescue):
        return NoRescueEntry(found=False, meets=False, error=found.reason)
    return rescue_entry(found, base)


def _loss(loss: Loss) -> LossEntry:
    return LossEntry(
        drop=_rounded(loss.drop),
        bound=_rounded(loss.bound),
        reference_loss=_rounded(loss.reference_loss),
        allowed=round(loss.allowed, _DIGITS),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _evaluated(one: Evaluated) -> EvaluatedEntry:
    return EvaluatedEntry(
        fp32=round(one.fp32, _DIGITS) + 0.0,  # the sum turns -0.0 into 0.0
        int8=round(one.int8, _DIGITS) + 0.0,
        drop=round(one.drop, _DIGITS) + 0.0,
        verdict=one.verdict.decision,
        reason=one.verdict.reason,
    )


def _files(found: Rescue, base: Path) -> RescueFilesEntry | None:
    if found.files is None or found.table is None:
        return None
    return RescueFilesEntry(
        param=_relative(found.files.param, base),
        bin=_relative(found.files.bin, base),
        table=_relative(found.table, base),
    )


def _bytes(costs: Costs) -> ByNetBytes:
    return ByNetBytes(fp32=costs.fp32.bin_bytes, int8=costs.int8.bin_bytes, repaired=costs.repaired.bin_bytes)


def _timing(costs: Costs) -> RescueTimingEntry:
    return RescueTimingEntry(
        pass_ms=ByNetMilliseconds(fp32=costs.fp32.pass_ms, int8=costs.int8.pass_ms, repaired=costs.repaired.pass_ms)
    )


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def rescue_lines(
    entry: RescueEntry | NoRescueEntry, metrics: Mapping[str, Metric], base: Path | None = None
) -> Iterator[str]:
    """What a rescue came to, for a message or the terminal.

    ``metrics`` are those of the model by name; ``base`` is the folder that the paths are relative to.
    """
    if isinstance(entry, NoRescueEntry):
        yield f"rescue: not tried: {entry.error}"
        return
    kind, count = "labelled" if entry.labelled else "unlabelled", entry.samples
    searched = f"searched on {count} {kind} sample{'s' if count != 1 else ''} ({entry.trials} nets)"
    if not entry.found:
        yield f"rescue: no set of float layers was found, {searched}, that meets the tolerance with enough work in int8"
        yield f"  the nearest: {_recipe(entry)}"
        yield from _search_lines(entry, metrics)
        return
    missed = "" if entry.meets else ", which misses its tolerance on the evaluation set all the same"
    yield f"rescue: {_recipe(entry)}, {searched}{missed}"
    if entry.keep_float:
        yield f"  float: {_named(entry.keep_float)}"
    for metric, found in (entry.evaluation or {}).items():
        yield f"  evaluated once, {metric}: {found.verdict.upper()}: {found.reason}"
    if entry.bytes is not None and entry.timing is not None:
        yield f"  {_cost_line(entry.bytes, entry.timing.pass_ms)}"
    if entry.files is not None:
        names = (entry.files.param, entry.files.bin, entry.files.table)
        yield f"  written: {listed(name if base is None else shown(base / name) for name in names)}"


def _recipe(entry: RescueEntry) -> str:
    count = len(entry.keep_float)
    layers = f"{count} layer{'s' if count != 1 else ''} in float" if count else "no layer in float"
    weights = ", 8-bit weights" if entry.eight_bit else ""
    return f"{entry.method} calibration{weights}, {layers}, {100 * entry.int8_macs:.0f} % of the work in int8"


def _named(layers: Sequence[str]) -> str:
    rest = len(layers) - _LAYERS_NAMED
    return listed(layers[:_LAYERS_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _search_lines(entry: RescueEntry, metrics: Mapping[str, Metric]) -> Iterator[str]:
    for name, searched in entry.search.items():
        after, difference = searched.after, metrics[name].difference
        lost = ((after.drop, "drop"), (after.reference_loss, "loss against fp32"), (after.bound, "at most"))
        parts = [f"{words} {difference(value)}" for value, words in lost if value is not None]
        yield f"  {name}: {', '.join(parts)}; allowed {difference(after.allowed)}"
    yield f"  decided by {entry.decided_by}"


def _cost_line(size: ByNetBytes, pass_ms: ByNetMilliseconds) -> str:
    return (
        f"costs: {size.repaired / 1e6:.2f} MB (int8 as given {size.int8 / 1e6:.2f}, fp32 {size.fp32 / 1e6:.2f}); "
        f"a forward pass takes {pass_ms.repaired / pass_ms.int8:.2f} times as long as that of int8 as given, "
        f"{pass_ms.repaired / pass_ms.fp32:.2f} times that of fp32"
    )


def _lines_of(model: ModelEntry, base: Path | None = None) -> Iterator[str]:
    assert model.rescue is not None, "only models with a rescue are asked"  # noqa: S101
    metrics = {name: values.metric(name) for name, values in model.metrics.items()}
    yield from rescue_lines(model.rescue, metrics, base)


def terminal_lines(report: Report, base: Path) -> Iterator[str]:
    """The rescues that no failure message tells: of excused limits. ``base``: what their paths are relative to."""
    told = {case.model for case in report.cases if is_loss(case.kind) and case.outcome == "failed"}
    for name, model in report.models.items():
        if model.rescue is not None and name not in told:
            first, *rest = _lines_of(model, base)
            yield f"{name}: {first}"
            yield from rest


def markdown_lines(report: Report) -> Iterator[str]:
    """A section with the rescues of a report; nothing where there is none."""
    found = {name: model for name, model in report.models.items() if model.rescue is not None}
    if not found:
        return
    yield from ("", "## Rescue", "")
    for name, model in found.items():
        first, *rest = _lines_of(model)
        yield f"- {plain(name)}: {plain(first)}"
        yield from (f"  - {plain(line.strip())}" for line in rest)
