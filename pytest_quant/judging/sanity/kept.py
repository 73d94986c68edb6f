"""What the checks found about a model, kept by content: a second run on the same files looks at nothing again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import JsonValue

from pytest_quant.evaluation.kept_results import KeptResult
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.mistakes import Restored
from pytest_quant.spec.metric import Metric


def kept_findings(
    measurement: Measurement, dataset: list[JsonValue], look: Callable[[], Sequence[Finding]]
) -> tuple[Finding, ...]:
    """What ``look`` finds, without what is waived; the findings of an earlier run where nothing has changed.

    ``dataset``: what they depend on of the whole dataset, beside the samples that were evaluated.
    """
    if measurement.scores is None:
        return tuple(look())
    files: JsonValue = dict(measurement.file_sha256)
    place = measurement.scores.under("sanity", files, dataset, repr(measurement.calibration))
    written: Any = place.fetch(lambda: [asdict(one) for one in look()])
    return tuple(Finding(**one) for one in written)


def kept_restored(place: KeptResult, attempt: Callable[[], Restored | None]) -> Restored | None:
    """What ``attempt`` comes to, as ``place`` has it from an earlier run."""

    def made() -> JsonValue:
        found = attempt()
        return [] if found is None else [asdict(found)]

    written: Any = place.fetch(made)
    return next((Restored(**{**one, "metric": Metric(**one["metric"])}) for one in written), None)
