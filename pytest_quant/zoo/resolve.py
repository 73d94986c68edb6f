"""One model entry becomes a `ModelSpec`: paths made absolute, options validated by their task, limits with units."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pytest_quant.evaluation.conditions import condition_names
from pytest_quant.evaluation.net_checks import check_calibration, check_conversion, check_net, check_nets
from pytest_quant.extending.known import get_task, task_names
from pytest_quant.nets.ncnn.net_files import has_table
from pytest_quant.spec.dataset import DatasetSpec, RescueSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.limit import (
    Limit,
    Requirement,
    Tolerance,
    baseline_limits,
    floor_limit,
    onnx_int8_limit,
    parity_limit,
    published_limit,
    requirement_limit,
    tolerance_limit,
)
from pytest_quant.spec.limits import parity, parse_floor, parse_published, parse_tolerance
from pytest_quant.spec.metric import METRICS, Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, InputSpec, Net, NetSpec
from pytest_quant.spec.text import brief, listed, shown, suggestion
from pytest_quant.tasks.base import ReadsConfig, Task
from pytest_quant.zoo.draft import to_fill_in
from pytest_quant.zoo.environment import UnsetVariableError, resolve_path
from pytest_quant.zoo.existing import Completed, ExistingDescriptions
from pytest_quant.zoo.net_entries import NetEntries, entry_class
from pytest_quant.zoo.schema import MODEL_NAME, Defaults, InputEntry, ModelEntry, RescueEntry, describe
from pytest_quant.zoo.yaml_lines import Document, KeyPath

_COCO_NAME = re.compile(r"^(AP|AR)[@ ]?0?\.(\d+)$")
"""How COCO's papers and mmpose write AP50: ``AP.5``, ``AP@0.5``."""
RESERVED_NET_NAMES = frozenset(
    {
        *("fp32", "int8", "onnx", "floor", "published", "require", "classes", "baseline", "table", "config", "sanity"),
        *("size", "speedup", "zoo"),
    }
)
"""They begin the ids of other cases, or are keys of a model for nets."""
_MAX_PIXELS = 1 << 26
"""Of an input: more would take gigabytes for each thread."""

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


class ModelResolver:
    """What the entries of one zoo file share: its datasets and defaults, and where things stand in it."""

    def __init__(
        self,
        document: Document,
        defaults: Defaults,
        datasets: Mapping[str, DatasetSpec | None],
        max_tolerance_pct: float,
    ) -> None:
        self._document = document
        self._defaults = defaults
        self._datasets = datasets
        self._max_tolerance_pct = max_tolerance_pct
        self._existing = ExistingDescriptions(document, datasets, max_tolerance_pct)

    def default_problems(self) -> Iterator[str]:
        """What is wrong with ``defaults``: metrics that no task has, amounts that are no tolerance."""
        for name, raw in self._defaults.tolerance.items():
            where = self._document.where(("defaults", "tolerance", name))
            if name not in METRICS:
                yield f"{where}: unknown metric.{suggestion(name, METRICS)} Known metrics: {listed(METRICS)}"
                continue
            try:
                parse_tolerance(METRICS[name], raw, self._max_tolerance_pct)
            except ConfigError as error:
                yield f"{where}: {error}"

    def resolve(self, name: str, raw: Any) -> ModelSpec:
        """The model `name`; raises `ConfigError` with every problem that can be told at once."""
        keys: KeyPath = ("models", name)
        if not isinstance(raw, Mapping):
            raise ConfigError(f"{self._document.where(keys)}: found {brief(raw)}, expected the keys of a model")
        self._check_filled_in(keys, raw)
        completed = self._existing.complete(keys, raw)
        try:
            return self._model(keys, name, completed)
        except ConfigError as error:
            raise ConfigError("\n".join([str(error), *completed.background])) from None

    def _check_filled_in(self, keys: KeyPath, raw: Mapping[str, Any]) -> None:
        places = listed(".".join(place) for place in to_fill_in(raw))
        if places:
            raise ConfigError(f"{self._document.where(keys)}: still to be filled in: {places}")

    def _model(self, keys: KeyPath, name: str, completed: Completed) -> ModelSpec:
        entry = self._validated(keys, entry_class(), completed.entry)
        task = self._task(keys, entry.task)
        nets = self._nets(keys, entry)
        model = ModelSpec(
            name=name,
            zoo=self._document.path,
            task=task.name,
            dataset=self._dataset(keys, task, entry.dataset),
            nets=nets,
            input=self._input((*keys, "input"), entry.input),
            outputs=(entry.output,) if isinstance(entry.output, str) else tuple(entry.output),
            preprocess=self._validated((*keys, "preprocess"), task.preprocess_options, entry.preprocess),
            postprocess=self._validated((*keys, "postprocess"), task.postprocess_options, entry.postprocess),
            metric_options=self._metric_options(keys, task, entry.metric),
            limits=self._limits(keys, task, entry, nets["int8"]),
            samples=entry.samples,
            runtime=entry.runtime,
            xfail=entry.xfail,
            notes=tuple(completed.notes),
            remarks=tuple(completed.remarks),
        )
        if entry.rescue is not None:
            model = replace(model, rescue=self._rescue((*keys, "rescue"), task, model, entry.rescue))
        if entry.config is not None:
            model = self._with_config(keys, task, model, entry.config)
        model = replace(model, notes=(*model.notes, *self._check_nets(keys, entry, model)))
        pipeline = self._located(keys, task.pipeline, model)
        self._check_names(keys, model, condition_names(pipeline))
        self._check_switches(keys, model, pipeline.conditions())
        return model

    def _nets(self, keys: KeyPath, entry: ModelEntry) -> dict[Net, NetSpec]:
        """Every net of an entry, in the order of the stages."""
        read = NetEntries(self._document, self._file)

        def own_input(place: KeyPath, changes: Mapping[str, Any]) -> InputSpec:
            known = entry.input.model_dump(exclude_unset=True)
            if "color" in changes:  # the model's own are of other channels
                known = {key: value for key, value in known.items() if key not in ("mean", "std")}
            return self._input(place, self._validated(place, InputEntry, {**known, **changes}))

        net_input = self._input((*keys, "input"), entry.input)
        found: dict[Net, NetSpec] = {}
        if entry.onnx is not None:
            found["onnx"] = read.onnx((*keys, "onnx"), entry.onnx, net_input)
        found["fp32"] = read.net((*keys, "fp32"), entry.fp32)
        found["int8"] = read.net((*keys, "int8"), entry.int8, own_input)
        if entry.onnx_int8 is not None:
            found["onnx_int8"] = read.onnx((*keys, "onnx_int8"), entry.onnx_int8, net_input)
        for name, net in entry.nets.items():
            place = (*keys, "nets", name)
            self._check_net_name(place, name, found)
            found[name] = read.net(place, net, own_input)
        return found

    def _check_net_name(self, place: KeyPath, name: Net, taken: Mapping[Net, NetSpec]) -> None:
        """Case ids hold it, and it must not be one that means something else."""
        if name in taken:
            other = f"`{name}` of the model"
        elif name in RESERVED_NET_NAMES:
            other = "a kind of case"
        elif MODEL_NAME.fullmatch(name):
            return
        else:
            raise ConfigError(
                f"{self._document.where(place)}: found the name {name!r}, expected a letter or digit followed by "
                "letters, digits, '.', '_', '+' and '-'"
            )
        raise ConfigError(f"{self._document.where(place)}: the name is taken by {other}: give the net another name")

    def _check_nets(self, keys: KeyPath, entry: ModelEntry, model: ModelSpec) -> list[str]:
        """Hold what the files of all nets say against the entry; gives what is odd in them."""
        places: dict[Net, KeyPath] = {name: (*keys, "nets", name) for name in entry.nets}
        places |= {name: (*keys, name) for name in model.nets if name not in places}
        for name, place in places.items():
            self._located((*place, "onnx"), check_conversion, model, name)
            self._located((*place, "calibrate"), check_calibration, model, name)
        notes = list(self._located(keys, check_nets, model))
        for name, place in places.items():
            if name not in SIDES:
                notes += self._located(place, check_net, model, name)
        return notes

    def _validated(self, keys: KeyPath, model: type[ModelT], raw: Mapping[str, Any]) -> ModelT:
        try:
            return model.model_validate(dict(raw))
        except ValidationError as error:
            raise ConfigError(describe(self._document, keys, model, error)) from None

    def _with_config(self, keys: KeyPath, task: Task, model: ModelSpec, text: str) -> ModelSpec:
        """The model with what its training config file says of conditions."""
        where: KeyPath = (*keys, "config")
        if not isinstance(task, ReadsConfig):
            raise ConfigError(
                f"{self._document.where(where)}: nothing of a training config is read for the task {task.name}: "
                "remove the key"
            )
        path = self._file(where, text)
        conditions = self._located(where, task.config_conditions, path)
        return replace(model, config=path, config_conditions=conditions)

    def _rescue(self, keys: KeyPath, task: Task, model: ModelSpec, entry: RescueEntry) -> RescueSpec:
        """What a repair is searched on: a dataset of the file that is not the model's own, or images."""
        if (entry.dataset is None) == (entry.images is None):
            raise ConfigError(
                f"{self._document.where(keys)}: expected either `images`, a folder or a list of images, or `dataset`, "
                "a labelled dataset of this file"
            )
        if entry.images is not None:
            images, missing = NetEntries(self._document, self._file).images((*keys, "images"), entry.images)
            return RescueSpec(images, entry.samples, missing)
        dataset = self._dataset(keys, task, str(entry.dataset))
        if dataset.name == model.dataset.name:
            raise ConfigError(
                f"{self._document.where((*keys, 'dataset'))}: found {dataset.name!r}, on which the model is evaluated: "
                "a repair that was chosen on the samples it is judged on proves nothing; name another dataset"
            )
        return RescueSpec(dataset, entry.samples)

    def _located(self, keys: KeyPath, function: Callable[..., T], *args: Any) -> T:
        """Call ``function``; its `ConfigError` gets the place in the zoo file in front."""
        try:
            return function(*args)
        except ConfigError as error:
            raise ConfigError(f"{self._document.where(keys)}: {error}") from None

    def _task(self, keys: KeyPath, name: str) -> Task:
        if name not in task_names():
            raise ConfigError(
                f"{self._document.where((*keys, 'task'))}: found {name!r}, expected one of {listed(task_names())}."
                f"{suggestion(name, task_names())}"
            )
        return get_task(name)

    def _dataset(self, keys: KeyPath, task: Task, name: str) -> DatasetSpec:
        where = self._document.where((*keys, "dataset"))
        if name not in self._datasets:
            known = listed(self._datasets) or "none"
            raise ConfigError(f"{where}: found {name!r}, which `datasets` does not declare; declared: {known}")
        dataset = self._datasets[name]
        if dataset is None:
            raise ConfigError(f"{where}: the dataset `{name}` is broken: {shown(self._document.path)}::zoo says how")
        if dataset.type not in task.dataset_types:
            raise ConfigError(
                f"{where}: the dataset `{name}` is of type {dataset.type}, "
                f"the task {task.name} takes {listed(sorted(task.dataset_types))}"
            )
        return dataset

    def _file(self, keys: KeyPath, text: str) -> Path:
        where = self._document.where(keys)
        try:
            path = resolve_path(text, self._document.path.parent)
        except UnsetVariableError as error:
            raise ConfigError(f"{where}: the environment variable {error.args[0]} of {text!r} is not set") from None
        try:
            if path.is_file():
                return path
            state = "is a folder" if path.is_dir() else "does not exist"
        except OSError as error:
            state = f"cannot be looked at: {error.strerror}"
        raise ConfigError(f"{where}: {shown(path)} {state}; paths are relative to the zoo file")

    def _input(self, keys: KeyPath, entry: InputEntry) -> InputSpec:
        channels = 1 if entry.color == "gray" else 3
        mean = tuple(entry.mean or (0.0,) * channels)
        std = tuple(entry.std or (1.0,) * channels)
        for key, values in (("mean", mean), ("std", std)):
            if len(values) != channels:
                raise ConfigError(
                    f"{self._document.where((*keys, key))}: found {len(values)} values, expected {channels}, "
                    f"one for each channel of color {entry.color}"
                )
        if min(std) <= 0:
            raise ConfigError(f"{self._document.where((*keys, 'std'))}: found {min(std):g}, expected values above 0")
        size = None if entry.size is None else (entry.size[0], entry.size[1])
        if size is not None and size[0] * size[1] > _MAX_PIXELS:
            raise ConfigError(
                f"{self._document.where((*keys, 'size'))}: found {list(size)}, expected width and height in pixels, "
                f"at most {_MAX_PIXELS} in all"
            )
        return InputSpec(entry.blob, size, entry.color, mean, std, entry.scale)

    def _metric(self, keys: KeyPath, task: Task, name: str) -> Metric:
        if name not in task.metrics:
            meant = _COCO_NAME.sub(lambda match: f"{match[1]}{match[2].ljust(2, '0')}", name)
            raise ConfigError(
                f"{self._document.where((*keys, name))}: the task {task.name} has no metric {name!r}."
                f"{suggestion(meant, task.metrics)} Its metrics: {listed(task.metrics)}"
            )
        return task.metrics[name]

    def _metric_options(self, keys: KeyPath, task: Task, raw: Mapping[str, Mapping[str, Any]]) -> dict[str, BaseModel]:
        for name in raw:
            self._metric((*keys, "metric"), task, name)
        return {
            name: self._validated((*keys, "metric", name), options, raw.get(name, {}))
            for name, options in task.metric_options.items()
        }

    def _limits(self, keys: KeyPath, task: Task, entry: ModelEntry, int8: NetSpec) -> tuple[Limit, ...]:
        limits = tuple(self._int8_limits(keys, task, entry, int8))
        return (*limits, *self._onnx_limits(keys, task, entry, limits))

    def _onnx_limits(self, keys: KeyPath, task: Task, entry: ModelEntry, limits: Sequence[Limit]) -> Iterator[Limit]:
        """One per metric that has a limit for ``onnx``, one per tolerance for ``onnx_int8``."""
        metrics = dict.fromkeys(limit.metric for limit in limits if limit.metric is not None)
        if entry.onnx is not None:
            if not metrics:
                raise ConfigError(
                    f"{self._document.where((*keys, 'onnx'))}: no limit of the model names a metric, so there is none "
                    "to compare: give it a tolerance, a floor or a published value"
                )
            yield from (parity_limit(parity(METRICS[metric])) for metric in metrics)
        if entry.onnx_int8 is not None:
            rules = {limit.rule.metric: limit.rule for limit in limits if isinstance(limit.rule, Tolerance)}
            where: KeyPath = (*keys, "onnx_int8", "tolerance")
            for name, raw in entry.onnx_int8.tolerance.items():
                metric = self._metric(where, task, name)
                rules[name] = self._located((*where, name), parse_tolerance, metric, raw, self._max_tolerance_pct)
            if not rules:
                raise ConfigError(
                    f"{self._document.where((*keys, 'onnx_int8'))}: neither it nor the model has a tolerance, so "
                    "nothing could fail"
                )
            yield from map(onnx_int8_limit, rules.values())

    def _int8_limits(self, keys: KeyPath, task: Task, entry: ModelEntry, int8: NetSpec) -> Iterator[Limit]:
        tolerances = {name: raw for name, raw in self._defaults.tolerance.items() if name in task.metrics}
        tolerances |= entry.tolerance
        rules = 0
        for name, raw in tolerances.items():
            if raw is None:  # the model's own way to drop a default
                continue
            where: KeyPath = (*keys, "tolerance") if name in entry.tolerance else ("defaults", "tolerance")
            metric = self._metric(where, task, name)
            rule = self._located((*where, name), parse_tolerance, metric, raw, self._max_tolerance_pct)
            yield tolerance_limit(rule)
            rules += 1
        for name, raw in entry.floor.items():
            metric = self._metric((*keys, "floor"), task, name)
            yield floor_limit(self._located((*keys, "floor", name), parse_floor, metric, raw))
            rules += 1
        for side in SIDES:
            for name, raw in entry.published.get(side, {}).items():
                where = (*keys, "published", side)
                metric = self._metric(where, task, name)
                yield published_limit(self._located((*where, name), parse_published, metric, side, raw))
                rules += 1
        for name, value in entry.require.items():
            yield requirement_limit(Requirement(name, value))
            rules += 1
        if rules == 0:
            raise ConfigError(
                f"{self._document.where(keys)}: has no limit at all, so nothing could fail: give it a tolerance, "
                "a floor, a published value or a required condition"
            )
        yield Limit("int8", "int8")
        if has_table(int8):
            yield Limit("table", "table")

    def _check_switches(self, keys: KeyPath, model: ModelSpec, conditions: Mapping[str, Any]) -> None:
        """A condition that is true or false cannot be required to be a word: YAML takes ``"off"`` for one."""
        for limit in model.limits:
            rule = limit.rule
            if not isinstance(rule, Requirement) or isinstance(rule.value, bool):
                continue
            if isinstance(conditions.get(rule.condition), bool):
                where = self._document.where((*keys, "require", rule.condition))
                raise ConfigError(f"{where}: found {brief(rule.value)}, expected true or false")

    def _check_names(self, keys: KeyPath, model: ModelSpec, conditions: tuple[str, ...]) -> None:
        """The names under ``require`` and ``xfail`` must exist."""
        for limit in model.limits:
            if isinstance(limit.rule, Requirement) and limit.rule.condition not in conditions:
                name = limit.rule.condition
                raise ConfigError(
                    f"{self._document.where((*keys, 'require', name))}: the task {model.task} has no condition "
                    f"{name!r}.{suggestion(name, conditions)} Its conditions: {listed(conditions)}"
                )
        limits = (*model.limits, *baseline_limits(model.limits, 0))
        cases = tuple(limit.name for limit in limits)
        for name, reason in model.xfail.items():
            if not reason.strip():
                raise ConfigError(
                    f"{self._document.where((*keys, 'xfail', name))}: found no reason, expected why the limit is known "
                    "to be broken, such as the link of an issue"
                )
            if name not in cases:
                raise ConfigError(
                    f"{self._document.where((*keys, 'xfail', name))}: the model has no case {name!r}."
                    f"{suggestion(name, cases)} Its cases: {listed(cases)}"
                )
