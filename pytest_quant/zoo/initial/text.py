"""The text of a first zoo file: every key with a comment that says where it comes from or what it wants."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pytest_quant.extending.known import get_task, task_names
from pytest_quant.judging.limits.published import Published
from pytest_quant.judging.limits.written import MAX_TOLERANCE_PCT
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import listed, relative_posix
from pytest_quant.zoo.draft import FILL_IN, Finding, holds
from pytest_quant.zoo.initial.datasets import DATASETS
from pytest_quant.zoo.initial.proposal import Found, Proposal
from pytest_quant.zoo.initial.published import results_of
from pytest_quant.zoo.metafile import MetafileModel, Metafiles, PublishedNumber, published_numbers
from pytest_quant.zoo.metric_names import DATASET_NAMES
from pytest_quant.zoo.onnx_beside import why_not_run
from pytest_quant.zoo.pose_protocol import has_protocol, why_not_comparable
from pytest_quant.zoo.regression import RegressionTolerance, read_regression, tolerances
from pytest_quant.zoo.yaml_lines import RawEntry

_WIDTH = 110
_KEY_ORDER = (
    "task",
    "dataset",
    "fp32",
    "int8",
    "onnx",
    "nets",
    "input",
    "inputs",
    "output",
    "preprocess",
    "postprocess",
    "metric",
)
_NO_FILES = frozenset({"input", "inputs", "output"})
"""The keys of a net beside its files."""
_INPUT_ORDER = ("blob", "size", "color", "mean", "std")


def zoo_text(found: Found, folder: Path, command: str) -> str:
    """The text of a zoo file that lies in ``folder``; ``command`` is what made it."""
    return "\n".join(_lines(found, folder, command)) + "\n"


def _lines(found: Found, folder: Path, command: str) -> Iterator[str]:
    yield f"# Made by `{command}`. Run it with `pytest --quant`; `pytest-quant docs zoo-file` has every key."
    yield from _comment(
        f"A value of {FILL_IN} is yours to fill in: until then the case `config` of its model fails and says so.", ""
    )
    for text in found.left_out:
        yield from _comment(f"Left out: {text}", "")
    yield ""
    yield "version: 1"
    yield ""
    yield from _defaults(found, folder)
    yield ""
    yield "datasets:"
    for kind in dict.fromkeys(proposal.dataset_type for proposal in found.proposals):
        yield from _dataset(kind)
    yield ""
    yield "models:"
    for number, proposal in enumerate(found.proposals):
        if number:
            yield ""
        yield from _model(proposal, folder, found.metafiles)


def _comment(text: str, indent: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        paragraph = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in paragraph)  # YAML is text
        for line in textwrap.wrap(paragraph, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False):
            yield f"{indent}# {line}"


def _flow(value: object) -> str:
    """A value on one line."""
    text = yaml.safe_dump(_plain(value), default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def _plain(value: object) -> object:
    """Without subclasses, such as floats that know how they were printed."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


def _defaults(found: Found, folder: Path) -> Iterator[str]:
    """Tolerances: of regression files where there are some, else the usual ones."""
    tasks = [task for task in task_names() if any(one.draft.entry.get("task") == task for one in found.proposals)]
    yield "defaults:"
    yield "  # The largest allowed drop fp32 - int8 on the same samples, in the metric's own unit."
    if not any(get_task(task).usual_tolerances for task in tasks or task_names()) and not found.regressions:
        yield "  tolerance: {}"
        return
    yield "  tolerance:"
    metrics = {name: metric for task in tasks for name, metric in get_task(task).metrics.items()}
    known: set[str] = set()
    for path in found.regressions:
        try:
            read = tolerances(read_regression(path), metrics, MAX_TOLERANCE_PCT)
        except ConfigError as error:
            yield from _comment(f"Not used: {error}", "    ")
            continue
        for tolerance in read:
            yield from _regression_tolerance(tolerance, metrics[tolerance.metric], is_taken=tolerance.metric in known)
            known |= {tolerance.metric} if tolerance.refused is None else set()
    for task in tasks or task_names():
        for name, amount in get_task(task).usual_tolerances.items():
            if name not in known:
                yield f"    {name}: {float(amount)!r}  # {_unit(get_task(task).metrics[name])}"


def _unit(metric: Metric) -> str:
    if metric.unit == "%":
        return "percentage points"
    if metric.unit != "fraction":
        return metric.unit or "in the metric's own unit"
    return f"of 1: with 0.01, 0.800 may become {0.790 if metric.higher_is_better else 0.810:.3f}"


def _regression_tolerance(tolerance: RegressionTolerance, metric: Metric, *, is_taken: bool) -> Iterator[str]:
    """A line of ``tolerance``; commented where a zoo file would refuse it, with the reason."""
    yield from _comment(f"From {tolerance.source}", "    ")
    line = f"{tolerance.metric}: {float(tolerance.amount)!r}  # {_unit(metric)}"
    if tolerance.refused is not None:
        yield from _comment(f"Refused: {tolerance.refused}", "    ")
    if is_taken:
        yield from _comment("Not taken, as the metric has one already", "    ")
    yield f"    # {line}" if is_taken or tolerance.refused is not None else f"    {line}"


def _dataset(kind: str) -> Iterator[str]:
    variable, keys, what = DATASETS[kind]
    yield f"  {kind}:"
    yield from _comment(f"Set {variable} to {what}; while it is not set the cases are skipped.", "    ")
    yield f"    type: {kind}"
    for key, value in keys.items():
        yield f"    {key}: {value}"


def _model(proposal: Proposal, folder: Path, metafiles: Metafiles) -> Iterator[str]:
    entry = _entry(proposal, folder)
    yield f"  {_flow(proposal.name)}:"
    yield from _comment(proposal.source, "    ")
    told: list[Finding] = []
    refusal = why_not_run(Path(proposal.draft.entry["onnx"]), proposal.draft.entry) if "onnx" in entry else None
    for key in (*_KEY_ORDER, *(key for key in entry if key not in _KEY_ORDER)):
        if key not in entry:
            continue
        if key == "onnx" and refusal is not None:
            yield from _comment(f"Not used: {refusal}", "    ")
            yield from (f"    # {line.strip()}" for line in _key(key, entry[key]))
            continue
        for finding in proposal.draft.findings:
            if finding not in told and _belongs_to(finding, key, entry):
                told.append(finding)
                yield from _comment(_told(finding, entry), "    ")
        yield from _key(key, entry[key])
    if proposal.published is not None and entry["task"] in task_names():
        yield from _metafile(proposal.published, proposal.dataset_type, entry, folder, metafiles)


def _metafile(
    model: MetafileModel, dataset_type: str, entry: RawEntry, folder: Path, metafiles: Metafiles
) -> Iterator[str]:
    """The key that reads published numbers; a comment where they cannot be used, with the reason."""
    task = get_task(entry["task"])
    names = {str(result.get("Dataset")) for result in results_of(model)}
    other = next(iter(names)) if dataset_type not in DATASET_NAMES and len(names) == 1 else None
    try:
        numbers = published_numbers(model, task.metrics, dataset_type=dataset_type, dataset=other)
        _check_numbers(numbers, task.metrics)
    except ConfigError as error:
        yield from _comment(f"Published numbers are not used: {error}", "    ")
        return
    values = listed(f"{number.metric} {number.value:g}" for number in numbers)
    called = metafiles.called(model)
    refusal = why_not_comparable(task, model, entry, "ground-truth", None) if has_protocol(task) else None
    if called is None:
        refusal = f"{model.where}: neither Name nor Config nor Alias tells it from another model of the file"
    where = f", on {other}: remove the line if your images are others" if other is not None else ""
    yield from _comment(f"Published for fp32: {values}{f'. Not compared: {refusal}' if refusal else where}", "    ")
    keys = {"path": relative_posix(model.document.path, folder), "model": called or model.name}
    line = f"metafile: {_flow(keys | ({'dataset': other} if other is not None else {}))}"
    yield f"    {'# ' if refusal else ''}{line}"


def _check_numbers(numbers: Iterable[PublishedNumber], metrics: Mapping[str, Metric]) -> None:
    """Raise `ConfigError` for a number that a zoo file would refuse."""
    for number in numbers:
        try:
            Published.parse(metrics[number.metric], "fp32", number.value)
        except ConfigError as error:
            raise ConfigError(f"{number.source}: {error}") from None


def _told(finding: Finding, entry: RawEntry) -> str:
    if not finding.fatal:
        return finding.text
    is_open = any(_value(entry, keys) == FILL_IN for keys in finding.settled_by)
    return f"{FILL_IN if is_open else 'MISSING'}: {finding.text}"


def _value(entry: RawEntry, keys: Sequence[str]) -> object:
    value: object = entry
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _belongs_to(finding: Finding, key: str, entry: RawEntry) -> bool:
    """Whether a finding is told above a key: the first one in the file that settles it, or the first of all."""
    sections = {keys[0] for keys in finding.settled_by}
    first = next((name for name in (*_KEY_ORDER, *entry) if name in entry and name in sections), "task")
    return first == key


def _key(key: str, value: object) -> Iterator[str]:
    is_long = key in ("fp32", "int8") and len(_flow(value)) > _WIDTH - len(key)
    if isinstance(value, Mapping) and (key == "nets" or is_long):
        yield f"    {key}:"
        for name, item in value.items():
            yield f"      {name}: {_flow(item)}"
    else:
        yield f"    {key}: {_flow(value)}"


def _entry(proposal: Proposal, folder: Path) -> dict[str, Any]:
    """The draft with relative paths, a dataset, and FILL IN where only the user knows."""
    entry = {key: dict(value) if isinstance(value, dict) else value for key, value in proposal.draft.entry.items()}
    entry.setdefault("task", FILL_IN)
    entry["dataset"] = proposal.dataset_type
    _make_relative(entry, folder)
    for finding in proposal.draft.findings:
        for keys in finding.settled_by if finding.fatal else ():
            if not holds(entry, keys):
                _put(entry, keys)
    if isinstance(entry.get("input"), dict):
        entry["input"] = dict(sorted(entry["input"].items(), key=lambda item: _INPUT_ORDER.index(item[0])))
    if entry["task"] in task_names() and has_protocol(get_task(entry["task"])):
        entry["require"] = {"flip_test": False}
    return entry


def _make_relative(entry: dict[str, Any], folder: Path) -> None:
    """Name the files as a zoo file in ``folder`` does."""
    for side in ("fp32", "int8"):
        if side in entry:
            entry[side] = _net(entry[side], folder)
    if "nets" in entry:
        entry["nets"] = {name: _net(net, folder) for name, net in entry["nets"].items()}
    if "onnx" in entry:
        entry["onnx"] = relative_posix(Path(str(entry["onnx"])), folder)
    if "keys" in entry.get("postprocess", {}):
        entry["postprocess"]["keys"] = relative_posix(Path(str(entry["postprocess"]["keys"])), folder)


def _net(net: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A net with relative paths."""
    return {key: item if key in _NO_FILES else relative_posix(Path(item), folder) for key, item in net.items()}


def _put(entry: dict[str, Any], keys: Sequence[str]) -> None:
    section = entry
    for key in keys[:-1]:
        section = section.setdefault(key, {})
        if not isinstance(section, dict):
            return
    section[keys[-1]] = FILL_IN
