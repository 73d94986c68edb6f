"""The pictures and curves of one model, from what was evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.datasets.base import names_of
from pytest_quant.evaluation.measurement import Measurement
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task
from pytest_quant.report.model.illustration import CurveEntry, DrawingEntry, IllustrationEntry, PictureEntry
from pytest_quant.report.pictures.choose import choose
from pytest_quant.report.pictures.stopping import stopping_curve
from pytest_quant.report.pictures.thumbnail import scaled, thumbnail
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.net import Side
from pytest_quant.tasks.base import Moved, Pipeline
from pytest_quant.tasks.drawing import Draws, Plots, Scene


def illustrate(measurement: Measurement, bench: Workbench, most: int, confidence: float) -> IllustrationEntry:
    """At most so many samples, how an early stop came about, and what the task plots.

    ``confidence`` is one-sided. Where it fails, the entry says why: the verdicts stand without it.
    """
    model = measurement.model
    pipeline = get_task(model.task).pipeline(model)
    try:
        if model.input.arrays:
            curves = tuple(_curves(pipeline, measurement, confidence))
            return IllustrationEntry(model=model.name, curves=curves, note=_told(measurement, bench))
        pictures = tuple(_pictures(pipeline, measurement, bench, most)) if most else ()
        return IllustrationEntry(
            model=model.name, pictures=pictures, curves=tuple(_curves(pipeline, measurement, confidence))
        )
    except QuantError as error:
        return IllustrationEntry(model=model.name, note=str(error))


def _told(measurement: Measurement, bench: Workbench) -> str:
    """What a sample of arrays holds, in the place of pictures: its first one."""
    model = measurement.model
    sample = bench.selection(model)[0][0]
    arrays = bench.dataset(model.dataset).read(sample)
    found = [(one, arrays[one.key]) for one in model.input.arrays]
    inputs = (
        f"{one.name}: {one.key}, {array.dtype} {array.shape}, {array.min():.4g} to {array.max():.4g}"
        for one, array in found
    )
    return f"samples are arrays; {sample.id} has {'; '.join(inputs)}"


def _pictures(pipeline: Pipeline, measurement: Measurement, bench: Workbench, most: int) -> Iterator[PictureEntry]:
    model, comparison = measurement.model, measurement.comparison
    if not isinstance(pipeline, Draws):
        return
    dataset = bench.dataset(model.dataset)
    names = names_of(dataset)
    samples = bench.selection(model)[0][: measurement.evaluated]
    chosen = choose(samples, comparison, most)
    moved = {one.sample: one for one in comparison.moved if one.texts is None}
    answers = bench.answers(measurement, [one.index for one in chosen])
    for one, fp32, int8 in zip(chosen, answers["fp32"], answers[measurement.net], strict=True):
        sample = samples[one.index]
        image = dataset.read(sample, orient=get_task(model.task).orient)
        scene = Scene(image.shape[1], image.shape[0], names, comparison.details)
        small = thumbnail(image)
        yield PictureEntry(
            sample=sample.id,
            change=one.change,
            image=small.webp,
            width=small.width_px,
            height=small.height_px,
            truth=scaled(pipeline.draw_truth(sample, scene), small.scale),
            fp32=_told_of(moved.get(sample.id), "fp32", scaled(pipeline.draw_answer(sample, fp32, scene), small.scale)),
            int8=_told_of(moved.get(sample.id), "int8", scaled(pipeline.draw_answer(sample, int8, scene), small.scale)),
        )


def _told_of(moved: Moved | None, side: Side, drawing: DrawingEntry) -> DrawingEntry:
    """With how much of the truth was found, where samples are not just right or wrong."""
    if moved is None:
        return drawing
    found = moved.fp32 if side == "fp32" else moved.int8
    return drawing.model_copy(update={"caption": f"{drawing.caption}, found {found:.4g}"})


def _curves(pipeline: Pipeline, measurement: Measurement, confidence: float) -> Iterator[CurveEntry]:
    yield from stopping_curve(measurement, confidence)
    if isinstance(pipeline, Plots):
        for curve in pipeline.curves(measurement.scored):
            yield CurveEntry(title=curve.title, x=curve.x, y=curve.y, lines=dict(curve.lines), mark=curve.mark)
