"""A rescue as the report's data, and in the words of messages, the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_quant.judging.limits import is_loss
from pytest_quant.judging.limits.tolerance import Tolerance
from pytest_quant.rescue.costs import Costs
from pytest_quant.rescue.rescue import Rescue
from pytest_quant.rescue.trials import Loss
from pytest_quant.spec.metric import METRICS
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import listed, shown

Entry = Mapping[str, Any]

_DIGITS = 9
_LAYERS_NAMED = 12


def rescue_entry(found: Rescue, model: ModelSpec, confidence: float, base: Path) -> dict[str, Any]:
    """What a rescue came to, as plain JSON values; paths are relative to ``base`` where they lie below it."""
    best = found.best
    entry: dict[str, Any] = {
        "found": found.found is not None,
        "meets": False,
        "method": best.recipe.method,
        "eight_bit": best.recipe.eight_bit,
        "keep_float": sorted(best.recipe.keep_float),
        "int8_macs": round(best.int8_share, _DIGITS),
        "trials": found.trials,
        "samples": found.samples,
        "labelled": found.labelled,
        "also_evaluated": list(found.also_evaluated),
        "decided_by": found.deciding,
        "search": {
            before.metric.name: {"before": _loss(before), "after": _loss(after)}
            for before, after in zip(found.before, found.after, strict=True)
        },
    }
    if found.files is None or found.table is None or found.measurement is None or found.costs is None:
        return entry
    files = {"param": found.files.param, "bin": found.files.bin, "table": found.table}
    evaluation = dict(_evaluation(found, model, confidence))
    return {
        **entry,
        "meets": all(metric["verdict"] == "pass" for metric in evaluation.values()),
        "evaluation": evaluation,
        "files": {name: _relative(path, base) for name, path in files.items()},
        **_costs(found.costs),
    }


def failed_entry(message: str) -> dict[str, Any]:
    """A rescue that could not be tried."""
    return {"found": False, "meets": False, "error": message}


def _loss(loss: Loss) -> dict[str, float | None]:
    values = {name: value for name, value in asdict(loss).items() if name not in ("metric", "excess")}
    return {name: None if value is None else round(value, _DIGITS) for name, value in values.items()}


def _evaluation(found: Rescue, model: ModelSpec, confidence: float) -> Iterator[tuple[str, dict[str, Any]]]:
    assert found.measurement is not None, "only a net that was found is evaluated"  # noqa: S101
    for limit in model.limits:
        if not isinstance(limit, Tolerance):
            continue
        verdict = limit.of_measured(found.measurement, confidence)
        pair = found.measurement.comparison.metrics[limit.metric.name]
        values = {"fp32": pair.fp32, "int8": pair.int8, "drop": pair.drop}
        yield (
            limit.metric.name,
            {name: round(value, _DIGITS) + 0.0 for name, value in values.items()}
            | {"verdict": verdict.decision, "reason": verdict.reason},
        )


def _costs(costs: Costs) -> dict[str, Any]:
    nets = {"fp32": costs.fp32, "int8": costs.int8, "repaired": costs.repaired}
    return {
        "bytes": {name: net.bin_bytes for name, net in nets.items()},
        "timing": {"pass_ms": {name: net.pass_ms for name, net in nets.items()}},
    }


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def rescue_lines(entry: Entry, base: Path | None = None) -> Iterator[str]:
    """What a rescue came to, for a message or the terminal; ``base``: the folder that the paths are relative to."""
    if "error" in entry:
        yield f"rescue: not tried: {entry['error']}"
        return
    kind, count = "labelled" if entry["labelled"] else "unlabelled", entry["samples"]
    searched = f"searched on {count} {kind} sample{'s' if count != 1 else ''} ({entry['trials']} nets)"
    if not entry["found"]:
        yield f"rescue: no set of float layers was found, {searched}, that meets the tolerance with enough work in int8"
        yield f"  the nearest: {_recipe(entry)}"
        yield from _search_lines(entry)
        return
    missed = "" if entry["meets"] else ", which misses its tolerance on the evaluation set all the same"
    yield f"rescue: {_recipe(entry)}, {searched}{missed}"
    if entry["keep_float"]:
        yield f"  float: {_named(entry['keep_float'])}"
    for metric, found in entry["evaluation"].items():
        yield f"  evaluated once, {metric}: {found['verdict'].upper()}: {found['reason']}"
    yield f"  {_cost_line(entry)}"
    files = (name if base is None else shown(base / name) for name in entry["files"].values())
    yield f"  written: {listed(files)}"


def _recipe(entry: Entry) -> str:
    count = len(entry["keep_float"])
    layers = f"{count} layer{'s' if count != 1 else ''} in float" if count else "no layer in float"
    weights = ", 8-bit weights" if entry["eight_bit"] else ""
    return f"{entry['method']} calibration{weights}, {layers}, {100 * entry['int8_macs']:.0f} % of the work in int8"


def _named(layers: list[str]) -> str:
    rest = len(layers) - _LAYERS_NAMED
    return listed(layers[:_LAYERS_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _search_lines(entry: Entry) -> Iterator[str]:
    for metric, sides in entry["search"].items():
        after, difference = sides["after"], METRICS[metric].difference
        parts = [
            f"{words} {difference(after[key])}"
            for key, words in (("drop", "drop"), ("reference_loss", "loss against fp32"), ("bound", "at most"))
            if after[key] is not None
        ]
        yield f"  {metric}: {', '.join(parts)}; allowed {difference(after['allowed'])}"
    yield f"  decided by {entry['decided_by']}"


def _cost_line(entry: Entry) -> str:
    size, time = entry["bytes"], entry["timing"]["pass_ms"]
    megabytes = {name: f"{count / 1e6:.2f}" for name, count in size.items()}
    return (
        f"costs: {megabytes['repaired']} MB (int8 as given {megabytes['int8']}, fp32 {megabytes['fp32']}); "
        f"a forward pass takes {time['repaired'] / time['int8']:.2f} times as long as that of int8 as given, "
        f"{time['repaired'] / time['fp32']:.2f} times that of fp32"
    )


def terminal_lines(report: Entry, base: Path) -> Iterator[str]:
    """The rescues that no failure message tells: of excused limits. ``base``: what their paths are relative to."""
    told = {case["model"] for case in report["cases"] if is_loss(case["kind"]) and case["outcome"] == "failed"}
    for name, model in report["models"].items():
        if "rescue" in model and name not in told:
            first, *rest = rescue_lines(model["rescue"], base)
            yield f"{name}: {first}"
            yield from rest


def markdown_lines(report: Entry) -> Iterator[str]:
    """A section with the rescues of a report; nothing where there is none."""
    found = {name: model["rescue"] for name, model in report["models"].items() if "rescue" in model}
    if not found:
        return
    yield from ("", "## Rescue", "")
    for name, entry in found.items():
        first, *rest = rescue_lines(entry)
        yield f"- {name}: {first}"
        yield from (f"  - {line.strip()}" for line in rest)
