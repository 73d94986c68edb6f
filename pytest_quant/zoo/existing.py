"""The keys ``mmdeploy``, ``metafile`` and ``regression``: an entry filled in from descriptions that exist already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from pytest_quant.extending.known import get_task, task_names
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import brief, first_few, listed, shown
from pytest_quant.tasks.base import Task
from pytest_quant.zoo.draft import Draft, filled, holds
from pytest_quant.zoo.metafile import Metafiles, published_numbers
from pytest_quant.zoo.mmdeploy.folder import describe_folder
from pytest_quant.zoo.onnx_beside import leave_out_unusable
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.pose_protocol import boxes_of, has_protocol, why_not_comparable
from pytest_quant.zoo.regression import overrides, read_regression, tolerances
from pytest_quant.zoo.schema import MetafileEntry, RegressionEntry, Strict
from pytest_quant.zoo.yaml_lines import Document, KeyPath, RawEntry

KEYS = ("mmdeploy", "metafile", "regression")

EntryT = TypeVar("EntryT", bound=Strict)


@dataclass
class Completed:
    """An entry with everything that its descriptions add."""

    entry: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    """What they contradict, lose or leave to a guess: shown before a run and in the report."""
    remarks: list[str] = field(default_factory=list)
    """What is so of every sound description of the kind: in the report only."""
    sources: list[str] = field(default_factory=list)
    """Where the keys that the zoo file does not write come from."""

    @property
    def background(self) -> list[str]:
        """Lines for the message of an entry that cannot be used although its descriptions can."""
        return [*self.sources, *(f"note: {note}" for note in (*self.notes, *self.remarks))]


class ExistingDescriptions:
    """Reads the descriptions that the models of one zoo file name."""

    def __init__(self, places: Places, datasets: Mapping[str, DatasetSpec | None], max_tolerance_pct: float) -> None:
        self._places = places
        self._datasets = datasets
        self._max_tolerance_pct = max_tolerance_pct
        self._metafiles = Metafiles()
        self._read_regression = lru_cache(read_regression)  # often one file for all models

    def complete(self, keys: KeyPath, raw: RawEntry) -> Completed:
        """The entry at ``keys`` filled in; raises `ConfigError` for what cannot be read or must be settled first."""
        done = Completed(dict(raw))
        if "mmdeploy" in raw:
            self._add_folder((*keys, "mmdeploy"), done)
        task = get_task(done.entry["task"]) if done.entry.get("task") in task_names() else None
        if task is None:  # what is missing or wrong is told when the entry is validated
            return done
        if "metafile" in raw:
            self._add_published((*keys, "metafile"), task, done)
        if "regression" in raw:
            self._add_tolerances((*keys, "regression"), task, done)
        return done

    def _add_folder(self, keys: KeyPath, done: Completed) -> None:
        text = done.entry["mmdeploy"]
        if not isinstance(text, str):
            raise ConfigError(f"{self._places.where(keys)}: found {brief(text)}, expected the path of a folder")
        folder = self._places.path(keys, text)
        draft = self._places.located(
            keys, lambda: describe_folder(folder, task=done.entry.get("task"), dataset_type=self._dataset_type(done))
        )
        done.sources.append(f"{self._places.where(keys)}: keys that do not stand there come from {shown(folder)}")
        leave_out_unusable(draft, done.entry)
        _check_color(self._places.document, keys[:-1], done.entry, draft)
        left = [finding for finding in draft.findings if not finding.is_settled(done.entry)]
        if any(finding.fatal for finding in left):
            where = self._places.where(keys)
            lines = [f"{where}: {finding.told}" for finding in sorted(left, key=lambda one: not one.fatal)]
            raise ConfigError("\n".join(lines))
        done.notes += [finding.told for finding in left if not finding.usual]
        done.remarks += [finding.told for finding in left if finding.usual]
        done.entry = filled(done.entry, draft.entry)

    def _add_published(self, keys: KeyPath, task: Task, done: Completed) -> None:
        entry = self._validated(keys, MetafileEntry, done.entry["metafile"])
        path = self._places.file((*keys, "path"), entry.path)
        dataset_type = self._dataset_type(done)
        if dataset_type is None:
            return
        done.sources.append(f"{self._places.where(keys)}: numbers that do not stand there come from {shown(path)}")
        model = self._places.located(keys, lambda: self._metafiles.model(path, entry.model or str(keys[-2])))
        unread = self._metafiles.unread(path)
        if unread:
            done.notes.append(f"{shown(path)}: not all that it imports was read: {first_few(unread)}")
        numbers = self._places.located(
            keys,
            lambda: published_numbers(model, task.metrics, dataset_type=dataset_type, dataset=entry.dataset),
        )
        if has_protocol(task):
            name = done.entry.get("dataset")
            boxes = boxes_of(self._datasets.get(name) if isinstance(name, str) else None)
            refusal = why_not_comparable(task, model, done.entry, boxes, entry)
            if refusal is not None:
                names = listed(f"{number.metric} {number.value:g}" for number in numbers)
                done.notes.append(f"{model.where}: {names} of {model.name} not compared: {refusal}")
                return
        draft = Draft()
        for number in numbers:
            draft.put(number.value, "published", "fp32", number.metric)
            if not holds(done.entry, ("published", "fp32", number.metric)) and number.converted:
                done.notes.append(number.source)
        done.entry = filled(done.entry, draft.entry)

    def _add_tolerances(self, keys: KeyPath, task: Task, done: Completed) -> None:
        entry = self._validated(keys, RegressionEntry, done.entry["regression"])
        path = self._places.file((*keys, "path"), entry.path)
        document = self._places.located(keys, lambda: self._read_regression(path))
        found = self._places.located(
            keys, lambda: tolerances(document, task.metrics, self._max_tolerance_pct, entry.dataset)
        )
        done.sources.append(f"{self._places.where(keys)}: tolerances that do not stand there come from {shown(path)}")
        refused = []
        draft = Draft()
        for tolerance in found:
            if holds(done.entry, ("tolerance", tolerance.metric)):
                continue
            if tolerance.refused is not None:
                refused.append(
                    f"{self._places.where(keys)}: {tolerance.source}: {tolerance.refused}. Write "
                    f"`tolerance: {{{tolerance.metric}: ...}}` in the zoo file instead"
                )
            draft.put(tolerance.amount, "tolerance", tolerance.metric)
        if refused:
            raise ConfigError("\n".join(refused))
        own = overrides(document)
        if own:
            done.notes.append(f"{shown(path)}: metric_tolerance of {listed(own)} is not read, only globals.metric_info")
        done.entry = filled(done.entry, draft.entry)

    def _dataset_type(self, done: Completed) -> str | None:
        name = done.entry.get("dataset")
        dataset = self._datasets.get(name) if isinstance(name, str) else None
        return None if dataset is None else dataset.type

    def _validated(self, keys: KeyPath, model: type[EntryT], raw: object) -> EntryT:
        if not isinstance(raw, Mapping):
            raise ConfigError(f"{self._places.where(keys)}: found {brief(raw)}, expected the keys of {keys[-1]}")
        return self._places.validated(keys, model, raw)


def _check_color(document: Document, keys: KeyPath, own: RawEntry, draft: Draft) -> None:
    """Means are in the order of the colour: one from the zoo file and one from the folder do not fit together."""
    theirs = draft.entry.get("input", {})
    is_other = holds(own, ("input", "color")) and own["input"]["color"] != theirs.get("color", own["input"]["color"])
    for name in ("mean", "std"):
        if is_other and not holds(own, ("input", name)) and len(set(theirs.get(name, ()))) > 1:
            raise ConfigError(
                f"{document.where((*keys, 'input', 'color'))}: found {own['input']['color']}, while the export folder "
                f"gives {name} in the order {theirs['color']}: write `input.mean` and `input.std` too, in your order"
            )
