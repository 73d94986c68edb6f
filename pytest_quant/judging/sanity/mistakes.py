"""The usual mistakes of an entry, undone one at a time: what restores fp32's score."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel, ValidationError

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task
from pytest_quant.judging.evidence import drop_interval
from pytest_quant.spec.errors import ConfigError, QuantError
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Color, InputSpec
from pytest_quant.spec.text import listed
from pytest_quant.tasks.base import MetricPair, Pipeline, Prediction, RightWrong

SAMPLES = 50
TIME_LIMIT_S = 60.0
"""No further mistake is tried from then on."""

_GAIN = 0.05
"""Of the metric's range: less is no mistake undone."""
_SMALL_GAIN, _SURE = 0.01, 0.99
"""The same of metrics that are not shares of samples, where a bootstrap tells what is no accident: a letterbox in the
place of a stretched image costs a detector two or three hundredths of mAP."""
_CHANCE = 0.2
"""Largest probability that single samples changed sides by accident: something is known to be wrong already."""
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
_BYTE = 255.0


@dataclass(frozen=True)
class Change:
    """One mistake undone: how the entry would say it, and the model as it would be; ``shift`` is added to labels."""

    written: str
    model: ModelSpec
    shift: int = 0
    scored: bool = False
    """Whether it changes how answers are scored, and not the answers."""


@dataclass(frozen=True)
class Restored:
    """The change that restores the score most, in the unit of the task's first metric."""

    written: str
    metric: Metric
    before: float
    after: float
    samples: int
    chance: float
    """Probability that so many samples change to right by accident; 1 where samples are not right or wrong."""

    @property
    def text(self) -> str:
        """Such as: with `color: bgr` fp32 scores 83.0 in top1 instead of 60.0 (50 samples)."""
        number = self.metric.number
        return (
            f"with `{self.written}` fp32 scores {number(self.after)} in {self.metric.name} instead of "
            f"{number(self.before)} ({self.samples} samples)"
        )


def restoring(bench: Workbench, model: ModelSpec, samples: Sequence[Sample]) -> Restored | None:
    """Try them on the first samples; None where none helps much."""
    end = time.monotonic() + TIME_LIMIT_S
    samples = samples[:SAMPLES]
    pipeline = get_task(model.task).pipeline(model)
    before = bench.predictions(model, ["fp32"], samples)["fp32"]
    found: list[Restored] = []
    for change in changes(model, samples):
        if time.monotonic() > end:
            break
        restored = _tried(bench, pipeline, change, samples, before)
        if restored is not None:
            found.append(restored)
    return max(found, key=lambda one: one.metric.worse_by(one.after, one.before), default=None)


def _tried(
    bench: Workbench, pipeline: Pipeline, change: Change, samples: Sequence[Sample], before: Sequence[Prediction]
) -> Restored | None:
    if change.shift:
        most = max(sample.truth for sample in samples)
        kept = [index for index, sample in enumerate(samples) if 0 <= sample.truth + change.shift <= most]
        if not kept:
            return None
        samples, before = [samples[index] for index in kept], [before[index] for index in kept]
        shifted = [replace(sample, truth=sample.truth + change.shift) for sample in samples]
        old, new = (pipeline.compare(one, before, before).metrics for one in (samples, shifted))
        name = next(iter(old))
        pair = _beside(old[name], new[name])
    elif change.scored:
        after = get_task(change.model.task).pipeline(change.model)
        old, new = (one.compare(samples, before, before).metrics for one in (pipeline, after))
        name = next(iter(old))
        pair = _beside(old[name], new[name])
    else:
        try:
            answers = bench.predictions(change.model, ["fp32"], samples)["fp32"]
        except QuantError:  # the net does not take it: then it is not what was meant
            return None
        metrics = pipeline.compare(samples, before, answers).metrics
        pair = metrics[next(iter(metrics))]
    chance = _chance(pair)
    if not _helps(pair, chance):
        return None
    return Restored(change.written, pair.metric, pair.fp32, pair.int8, len(samples), 1.0 if chance is None else chance)


def _beside(old: MetricPair, new: MetricPair) -> MetricPair:
    """The value with the labels as they are in the place of fp32, that with the others in the place of int8."""
    if not isinstance(old.evidence, RightWrong) or not isinstance(new.evidence, RightWrong):
        raise TypeError(f"{old.metric.name} is not a share of samples that are right")
    return MetricPair(old.metric, old.fp32, new.fp32, RightWrong(old.evidence.fp32, new.evidence.fp32))


def _helps(pair: MetricPair, chance: float | None) -> bool:
    """Whether the second side is better by more than accident makes it."""
    gain = -pair.drop / (pair.metric.maximum or abs(pair.fp32) or 1.0)
    if chance is not None:
        return gain >= _GAIN and chance <= _CHANCE
    if gain < _SMALL_GAIN:
        return False
    drop = drop_interval(pair, population=None, confidence=_SURE)
    return drop.high < 0


def _chance(pair: MetricPair) -> float | None:
    """Probability that so many more samples, or more, change to right than to wrong if either is as likely."""
    if not isinstance(pair.evidence, RightWrong):
        return None
    from scipy.special import bdtr

    won = int((pair.evidence.int8 & ~pair.evidence.fp32).sum())
    lost = int((pair.evidence.fp32 & ~pair.evidence.int8).sum())
    return float(bdtr(lost, won + lost, 0.5))


def changes(model: ModelSpec, samples: Sequence[Sample]) -> Iterator[Change]:
    """Everything that is tried, in this order."""
    for written, net_input in () if model.input.arrays else _inputs(model.input):
        yield Change(written, replace(model, input=net_input))
    labels = [sample.truth for sample in samples]
    if all(isinstance(label, int) for label in labels):
        yield from (Change(f"labels {shift:+d}", model, shift) for shift in (-1, 1))
    for written, options in _preprocessing(model):
        changed = replace(model, preprocess=options)
        if _is_possible(changed):
            yield Change(written, changed)
    yield from _softmax(model)


def _is_possible(model: ModelSpec) -> bool:
    try:
        get_task(model.task).pipeline(model)
    except ConfigError:
        return False
    return True


def _softmax(model: ModelSpec) -> Iterator[Change]:
    """A softmax or sigmoid that the entry takes for done, or does again.

    It matters where scores are held against a number: mmpretrain's top-1, and a detector's thresholds. An order of
    classes, pixels or characters it does not change.
    """
    top1 = model.metric_options.get("top1")
    if isinstance(top1, BaseModel) and getattr(top1, "profile", None) == "mmpretrain":
        options = {**model.metric_options, "top1": top1.model_copy(update={"profile": "rank"})}
        written = "softmax` at the end of the net, or `metric: {top1: {profile: rank}}"
        yield Change(written, replace(model, metric_options=options), scored=True)
    options = model.postprocess
    if not isinstance(options, BaseModel) or "activation" not in type(options).model_fields:
        return
    now = getattr(getattr(options, "parameters", None), "activation", None)
    for activation in ("none", "sigmoid", "softmax"):
        if activation == now:
            continue
        written_so_far = {name: getattr(options, name) for name in options.model_fields_set}
        try:
            other = type(options).model_validate({**written_so_far, "activation": activation})
        except ValidationError:
            continue
        changed = replace(model, postprocess=other)
        if _is_possible(changed):
            yield Change(f"activation: {activation}", changed)


def _inputs(net_input: InputSpec) -> Iterator[tuple[str, InputSpec]]:
    mean, std = net_input.mean, net_input.std
    if net_input.color != "gray":
        other: Color = "bgr" if net_input.color == "rgb" else "rgb"
        yield f"color: {other}", replace(net_input, color=other)
        if mean != mean[::-1] or std != std[::-1]:
            yield (
                f"color: {other}` and `mean` and `std` in that order",
                replace(net_input, color=other, mean=mean[::-1], std=std[::-1]),
            )
    tried = [
        (tuple(_BYTE * value for value in mean), tuple(_BYTE * value for value in std)),
        (tuple(value / _BYTE for value in mean), tuple(value / _BYTE for value in std)),
        (mean, tuple(1 / value for value in std)),
        ((0.0,) * len(mean), (_BYTE,) * len(std)),
        ((127.5,) * len(mean), (127.5,) * len(std)),
        ((0.0,) * len(mean), (1.0,) * len(std)),
    ]
    if len(mean) == len(_IMAGENET[0]):
        order = 1 if net_input.color == "rgb" else -1
        tried.append((_IMAGENET[0][::order], _IMAGENET[1][::order]))
    for means, stds in dict.fromkeys(tried):
        if (means, stds) != (mean, std):
            yield f"mean: {_numbers(means)}, std: {_numbers(stds)}", replace(net_input, mean=means, std=stds)


def _numbers(values: Sequence[float]) -> str:
    return f"[{listed(f'{value:g}' for value in values)}]"


def _preprocessing(model: ModelSpec) -> Iterator[tuple[str, BaseModel]]:
    options = model.preprocess
    if not isinstance(options, BaseModel):
        return
    kind = type(options)
    if "backend" in kind.model_fields:
        other = "opencv" if getattr(options, "backend", None) == "pillow" else "pillow"
        yield f"backend: {other}", options.model_copy(update={"backend": other})
    if "resize" not in kind.model_fields or model.input.size is None:
        return
    size = list(model.input.size)
    rules: tuple[dict[str, object], ...] = (
        {"resize": {"size": size}},
        {"resize": {"short_side": round(min(size) * 256 / 224)}, "crop": size},
        {"resize": {"letterbox": size, "place": "top-left"}},
        {"resize": {"letterbox": size, "place": "center"}},
    )
    kept = {name: getattr(options, name) for name in options.model_fields_set - {"resize", "crop"}}
    for rule in rules:
        try:
            changed = kind.model_validate({**kept, **rule})
        except ValidationError:
            continue
        if changed != options:
            yield _written(rule), changed


def _written(rule: Mapping[str, object]) -> str:
    return listed(f"{key}: {value}" for key, value in rule.items()).replace("'", "")
