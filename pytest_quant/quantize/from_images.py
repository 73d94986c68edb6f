"""Calibration from images: a model's own preprocessing turns them into inputs while they are needed.

model = read_fp32(Path("zoo.quant.yaml"), "resnet18")
images = open_images(Path("calibration"))
table = calibrate_model(model, images, choose(images, samples=500), method="kl")
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.evaluation.cores import available_cores
from pytest_quant.evaluation.engine.engine import Engine, private_engine
from pytest_quant.evaluation.model_nets import have_tried, written_shape
from pytest_quant.evaluation.pixels import ReadsPixels, pixels_of
from pytest_quant.evaluation.trials import Trials
from pytest_quant.extending.known import get_task
from pytest_quant.nets.given import Given, is_by_name, shape_of
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.feeding import feeding_of
from pytest_quant.nets.ncnn.files.grouped import WHY, with_garbled
from pytest_quant.nets.ncnn.files.table import Table, without_layers
from pytest_quant.nets.ncnn.net_files import ncnn_files
from pytest_quant.quantize.activations import Source
from pytest_quant.quantize.calibration import NEEDS_HISTOGRAM, Calibration, Method, gather
from pytest_quant.quantize.inputs import LazyInput
from pytest_quant.spec.errors import QuantWarning
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.text import first_few
from pytest_quant.tasks.base import Pipeline
from pytest_quant.tasks.optional import TakesCrops


def choose(dataset: Dataset, samples: int | None = None, seed: int = 0) -> list[Sample]:
    """The samples to calibrate with: ``samples`` of them in an order that depends on the seed and their ids alone.

    All of them, in the dataset's own order, where it holds no more than that or ``samples`` is None.
    """
    if samples is None or samples >= len(dataset.samples):
        return list(dataset.samples)
    order = seeded_order([sample.id for sample in dataset.samples], seed)
    return [dataset.samples[index] for index in order[:samples]]


def calibrate_model(
    model: ModelSpec,
    dataset: Dataset,
    samples: Sequence[Sample] | None = None,
    *,
    method: Method = "kl",
    percentile: float = 99.99,
    eight_bit: bool = False,
    keep_float: Iterable[str] = (),
    engine: Engine | None = None,
    trials: Trials | None = None,
) -> Table:
    """Return the calibration table of a model's fp32 net, without the layers that ncnn would compute wrongly.

    Images are decoded and prepared by the thread that runs them, once per pass, so that memory does not grow with their
    number. A keypoint net that is given images without boxes takes each of them as the crop of one person.

    Args:
        model: the model; its task prepares the images as for an evaluation.
        dataset: where the images come from: `pytest_quant.datasets.unlabelled.open_images`, or a dataset of the task.
        samples: those of its samples to use, see `choose`; None: all of them.
        method: how thresholds of activations are chosen, see `pytest_quant.quantize.calibration.calibrate`.
        percentile: for that method: percent of the absolute values that are kept.
        eight_bit: 8-bit weights also where ncnn2table uses 6 bits.
        keep_float: names of layers to leave out of the table, which stay float then.
        engine: runs the images. None: as many threads as this process may use.
        trials: where it is kept that a child process has run the net once; None: in memory.

    Raises:
        ConfigError: a layer of ``keep_float`` is none that could be int8, or no layer is left.
        DatasetError: an image cannot be read or is not what the model takes.
        ModelFileError: a model file is damaged or quantized already.
        QuantError: there is no image, or one makes the net compute values that are not finite.

    """
    found = gather_model(
        model,
        dataset,
        samples,
        histograms=method in NEEDS_HISTOGRAM,
        keep_float=keep_float,
        engine=engine,
        trials=trials,
    )
    table = found.table(method, percentile=percentile, eight_bit=eight_bit)
    garbled = with_garbled(found.param, found.blob_by_layer, ())
    if not garbled:
        return table
    warnings.warn(f"{model.name}: {first_few(sorted(garbled))} stay float: {WHY}", QuantWarning, stacklevel=2)
    return without_layers(table, garbled)


def gather_model(
    model: ModelSpec,
    dataset: Dataset,
    samples: Sequence[Sample] | None = None,
    *,
    histograms: bool = True,
    keep_float: Iterable[str] = (),
    engine: Engine | None = None,
    trials: Trials | None = None,
) -> Calibration:
    """What the images make of a model's fp32 net, for the tables of several methods; see `calibrate_model`."""
    used = dataset.samples if samples is None else samples
    if len(used) == 1:
        warnings.warn(
            f"{model.name}: one image is not a calibration set: the scales fit {used[0].id!r} alone; some hundred "
            "typical images are usual",
            QuantWarning,
            stacklevel=3,
        )
    task = get_task(model.task)
    reader = _Reader(pixels_of(dataset), task.pipeline(model), task.orient, "sample" if model.input.arrays else "image")
    fp32 = ncnn_files(model, "fp32")
    feeding = replace(feeding_of(model.net("fp32")), size=None)
    if used:
        net = model.net("fp32")
        shape = written_shape(net) or next((shape_of(one) for one in reader.input(used[0]).load()), None)
        have_tried(net, shape, trials)
    with nullcontext(engine) if engine is not None else private_engine(available_cores()) as running:
        return gather(
            fp32.param,
            fp32.bin,
            Source(lambda: map(reader.input, used), len(used), model.name),
            partial(BlobExtractor, fp32.param, fp32.bin, feeding=feeding),
            histograms=histograms,
            keep_float=keep_float,
            engine=running,
        )


@dataclass(frozen=True)
class _Reader:
    """Samples to inputs; shared between threads."""

    dataset: ReadsPixels
    pipeline: Pipeline
    orient: bool
    what: str
    """How messages name what a sample is."""

    def input(self, sample: Sample) -> LazyInput:
        return LazyInput(f"{self.what} {sample.id!r}", partial(self._arrays, sample))

    def _arrays(self, sample: Sample) -> Iterator[Given]:
        image = self.dataset.read(sample, orient=self.orient)
        if sample.truth is None and isinstance(self.pipeline, TakesCrops):
            tensor = self.pipeline.prepare_crop(image, sample).tensor
        else:
            tensor = self.pipeline.prepare(image, sample).tensor
        yield from (tensor,) if is_by_name(tensor) or tensor.ndim != 4 else tensor
