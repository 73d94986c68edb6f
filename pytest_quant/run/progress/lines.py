"""A running job in one line, as long as there is room."""

from __future__ import annotations

import math
from statistics import NormalDist

from pytest_quant.evaluation.engine.events import DropSoFar
from pytest_quant.run.progress.state import Job
from pytest_quant.spec.metric import Metric
from pytest_quant.spec.text import visible

EVALUATION = "evaluation"
_STAGES = {"layers": "diagnosis of the layers"}
"""Stages whose words are too short to stand alone."""
_SHORTEST_NAME = 8
_ELLIPSIS = "..."


def job_line(job: Job, now_s: float, width: int, confidence: float) -> str:
    """At most ``width`` characters: nets, n of N, samples per second, running drop with its bounds, time left.

    What is in the way goes: bounds first, then the rate, the nets, the drop, the time left. ``confidence`` is that of
    each bound of the drop over all samples of the job.
    """
    name = visible(job.model)
    is_evaluation = job.stage == EVALUATION
    what = ", ".join(job.nets) if is_evaluation else _STAGES.get(job.stage, job.stage)
    rate, left_s = job.rate(now_s), job.left_s(now_s)
    drop, bounds = _drop(job, confidence)
    parts = {
        "what": what,
        "count": f"{job.done} of {job.samples}" if job.samples is not None else f"{job.done} done",
        "rate": "" if rate is None else f"{rate:.3g}/s" if rate < 1000 else f"{rate:.0f}/s",
        "drop": drop + bounds,
        "left": "" if left_s is None else f"{duration(left_s)} left",
    }
    text = _joined(name, parts)
    for key, shorter in (("drop", drop), ("rate", ""), *((("what", ""),) if is_evaluation else ()), ("drop", "")):
        if len(text) > width:
            parts[key] = shorter
            text = _joined(name, parts)
    if len(text) > width:
        parts["left"] = ""
        text = _joined(name, parts)
    if len(text) > width:
        room = max(width - len(text) + len(name), _SHORTEST_NAME)
        text = _joined(cut(name, room), parts)
    return cut(text, width)


def _joined(model: str, parts: dict[str, str]) -> str:
    return f"{model}: {', '.join(part for part in parts.values() if part)}"


def cut(text: str, width: int) -> str:
    """The text, or its beginning with three dots.

    >>> cut("mobilenetv2", 8)
    'mobil...'
    """
    if len(text) <= width:
        return text
    return text[:width] if width <= len(_ELLIPSIS) else f"{text[: width - len(_ELLIPSIS)]}{_ELLIPSIS}"


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(8.2), duration(130), duration(9000)
    ('8 s', '2 min', '2 h 30 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _drop(job: Job, confidence: float) -> tuple[str, str]:
    """The drop so far, and its bounds over all samples of the job."""
    if job.drop is not None:
        return _estimated(job.drop, job, confidence)
    found = job.flips()
    if found is None or job.done == 0:
        return "", ""
    return _counted(*found, job, confidence)


def _counted(metric: str, lost: int, won: int, job: Job, confidence: float) -> tuple[str, str]:
    """In percentage points.

    The bounds are Agresti and Min's for paired proportions (half an observation in each cell), with the
    finite-population correction: near the exact ones of the verdict, and free.
    """
    shown = f"{metric} drop {_number(100 * (lost - won) / job.done)} points"
    n, b, c = job.done + 2, lost + 0.5, won + 0.5
    rest = _rest(job.done, job.samples)
    half = NormalDist().inv_cdf(confidence) * math.sqrt(max(b + c - (b - c) ** 2 / n, 0) * rest) / n
    middle = (b - c) / n if rest else (lost - won) / job.done
    return shown, f" ({_number(100 * (middle - half))} to {_number(100 * (middle + half))})"


def _estimated(drop: DropSoFar, job: Job, confidence: float) -> tuple[str, str]:
    """In the metric's own unit; of fewer samples than are done where scoring all of them takes too long."""
    metric = Metric(drop.metric, drop.unit, maximum=drop.maximum)
    shown = f"{metric.name} drop {metric.difference(drop.drop)}"
    of = "" if drop.samples == job.done else f" on {drop.samples}"
    if drop.standard_error is None:
        return shown + of, ""
    rest = _rest(drop.samples, job.samples)
    half = NormalDist().inv_cdf(confidence) * drop.standard_error * math.sqrt(rest)
    low, high = drop.drop - half, drop.drop + half
    if metric.maximum is not None:
        low, high = max(low, -metric.maximum), min(high, metric.maximum)
    return shown + of, f" ({metric.number(low)} to {metric.number(high)})"


def _rest(done: int, samples: int | None) -> float:
    """The finite-population correction of a variance: 0 when all are done."""
    return 1.0 if samples is None else max(samples - done, 0) / max(samples - 1, 1)


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # the sum turns -0.0 into 0.0
