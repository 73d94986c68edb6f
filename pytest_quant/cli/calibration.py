"""What ``calibrate`` and ``quantize`` share: the options of a calibration, and the calibration itself."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pytest_quant.cli.console import progress_bars
from pytest_quant.cli.zoo_file import open_zoo
from pytest_quant.spec.errors import ConfigError, DatasetMissingError, QuantWarning
from pytest_quant.spec.text import first_few, shown

if TYPE_CHECKING:
    from pytest_quant.datasets.base import Dataset, Sample
    from pytest_quant.nets.ncnn.files import Table
    from pytest_quant.spec.dataset import DatasetSpec
    from pytest_quant.spec.model import ModelSpec
    from pytest_quant.zoo.reader import Zoo

METHODS = ("kl", "aciq", "minmax", "percentile", "mse")
"""`pytest_quant.quantize.calibration.Method`, which is not imported for a help text."""


@dataclass(frozen=True)
class Calibrated:
    """A table, and what it was made from."""

    model: ModelSpec
    table: Table
    images: int
    keep_float: tuple[str, ...]
    """Layers that are to stay float, those of the zoo entry included."""


def add_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options of a calibration; ``required``: the subcommand does nothing without one."""
    group = parser.add_argument_group("calibration")
    group.add_argument("--zoo", type=Path, required=required, metavar="FILE", help="Zoo file that holds the model")
    group.add_argument("--model", metavar="NAME", help="Model of the zoo file (default: its only one)")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--images",
        type=Path,
        metavar="PATH",
        help="Folder of images, or text file with one path per line; a pose net takes each as the crop of one person "
        "(default: what the model's entry says under int8.calibrate)",
    )
    source.add_argument(
        "--arrays",
        type=Path,
        metavar="PATH",
        help="Folder of .npy or .npz files, or text file with one path per line, for a model that is fed arrays",
    )
    source.add_argument("--dataset", metavar="NAME", help="Dataset of the zoo file to calibrate on instead")
    group.add_argument("--samples", type=positive, metavar="N", help="Use a seeded choice of N images (default: all)")
    group.add_argument("--seed", type=int, default=0, metavar="S", help="Seed of that choice (default: 0)")
    group.add_argument("--method", choices=METHODS, help="How thresholds of activations are chosen (default: kl)")
    group.add_argument(
        "--percentile",
        type=_percentile,
        metavar="P",
        help="Percent of values that --method percentile keeps (default: 99.99)",
    )
    group.add_argument(
        "--eight-bit", action="store_true", help="Use 8-bit weights also where ncnn's tools use 6 bits (3x3, stride 1)"
    )
    group.add_argument("--jobs", type=positive, metavar="N", help="Cores to use (default: all)")
    parser.add_argument(
        "--keep-float", nargs="+", action="extend", default=[], metavar="LAYER", help="Layers that stay float"
    )


def calibrated(args: argparse.Namespace) -> Calibrated:
    """Make the table that the options ask for; what they leave open is as the model's entry says.

    Raises:
        QuantError: what the options name cannot be used.

    """
    from pytest_quant.evaluation.cores import CorePool, available_cores
    from pytest_quant.evaluation.engine.engine import Engine
    from pytest_quant.nets.ncnn.net_files import ncnn_files
    from pytest_quant.quantize.from_images import calibrate_model
    from pytest_quant.spec.calibration import CalibrationSpec

    has_source = any(given is not None for given in (args.images, args.arrays, args.dataset))
    zoo = open_zoo(args.zoo, fp32_only=has_source)
    model = pick_model(zoo, args.model)
    if not model.nets["fp32"].is_built:
        raise ConfigError(
            f"{shown(model.zoo)}: models.{model.name}.fp32: is converted from ONNX, and this command takes ncnn files: "
            "name them as `param` and `bin`, or let a test run make the int8 net (`int8: {calibrate: ...}`)"
        )
    ncnn_files(model, "fp32")  # one of another runtime is told before images are looked for
    dataset, samples = _images(zoo, model, args)
    entry = model.calibration or CalibrationSpec(None)
    method = args.method or entry.method
    if args.percentile is not None and method != "percentile":
        raise ConfigError("--percentile goes with --method percentile")
    keep_float = (*entry.keep_float, *args.keep_float)
    with TemporaryDirectory() as folder, progress_bars() as listener:
        if args.dataset != model.dataset.name:  # that one was warned of by its name
            _warn_of_overlap(model, dataset, samples, Path(folder))
        table = calibrate_model(
            model,
            dataset,
            samples,
            method=method,
            percentile=args.percentile or entry.percentile,
            eight_bit=args.eight_bit or entry.eight_bit,
            keep_float=keep_float,
            engine=Engine(CorePool(Path(folder), args.jobs or available_cores()), listener),
        )
    return Calibrated(model, table, len(samples), keep_float)


def _warn_of_overlap(model: ModelSpec, images: Dataset, samples: Sequence[Sample], scratch: Path) -> None:
    """Say which images the model is evaluated on as well, where its dataset is on this machine."""
    from pytest_quant.evaluation.calibration_facts import also_in
    from pytest_quant.evaluation.digests import DigestMemo
    from pytest_quant.extending.known import open_dataset

    try:
        dataset = open_dataset(model.dataset)
    except DatasetMissingError:
        return
    digests = DigestMemo(scratch / "digests", scratch)
    also = also_in(dataset, images, samples, digests.of_contents([images.content(s) for s in samples]), digests)
    if also:
        warnings.warn(
            f"{len(also)} of the {len(samples)} images are samples of {model.dataset.name}, on which {model.name} is "
            f"evaluated ({first_few(also)}): its accuracy will look better than it is",
            QuantWarning,
            stacklevel=2,
        )


def pick_model(zoo: Zoo, name: str | None) -> ModelSpec:
    """The model of that name, or the only one; raises `ConfigError` where it is not there or cannot be used."""
    from pytest_quant.zoo.reader import find_model

    if name is None and len(zoo.models) > 1:
        names = ", ".join(model.name for model in zoo.models)
        raise ConfigError(f"--model is missing: {zoo.path} has {len(zoo.models)} models: {names}")
    return find_model(zoo, zoo.models[0].name if name is None else name)


def _images(zoo: Zoo, model: ModelSpec, args: argparse.Namespace) -> tuple[Dataset, list[Sample]]:
    """The images to calibrate with: those of the options, else those of the model's entry."""
    from pytest_quant.building.building import calibration_set
    from pytest_quant.datasets.arrays import open_arrays
    from pytest_quant.datasets.unlabelled import open_images
    from pytest_quant.extending.known import open_dataset
    from pytest_quant.quantize.from_images import choose

    _check_kind(model, args)
    if args.images is not None:
        dataset: Dataset = open_images(args.images, what="--images")
    elif args.arrays is not None:
        dataset = open_arrays(args.arrays, what="--arrays")
    elif args.dataset is not None:
        dataset = open_dataset(_dataset(zoo, model, args.dataset))
    elif model.calibration is not None:
        dataset, samples = calibration_set(model.calibration, model)
        return dataset, samples if args.samples is None else choose(dataset, args.samples, args.seed)
    else:
        raise ConfigError(
            f"--{_kind(model)} or --dataset is missing: {model.name} has no int8.calibrate in {zoo.path} to take them "
            "from"
        )
    return dataset, choose(dataset, args.samples, args.seed)


def _kind(model: ModelSpec) -> str:
    return "arrays" if model.input.arrays else "images"


def _check_kind(model: ModelSpec, args: argparse.Namespace) -> None:
    """Raise `ConfigError` for images of a model that is fed arrays, and the other way round."""
    other = "images" if model.input.arrays else "arrays"
    if getattr(args, other) is not None:
        raise ConfigError(f"--{other}: {model.name} is fed {_kind(model)}: give --{_kind(model)}")


def _dataset(zoo: Zoo, model: ModelSpec, name: str) -> DatasetSpec:
    from pytest_quant.extending.known import get_task, taken_by
    from pytest_quant.zoo.reader import find_dataset

    spec = find_dataset(zoo, name)
    if spec.type not in taken_by(get_task(model.task)):
        raise ConfigError(f"--dataset: {spec.name} is of type {spec.type}, which the task {model.task} does not take")
    if spec == model.dataset:
        warnings.warn(
            f"{model.name} is calibrated on {spec.name}, the images that it is evaluated on: its accuracy will look "
            "better than it is on others",
            QuantWarning,
            stacklevel=2,
        )
    return spec


def positive(text: str) -> int:
    """A whole number above 0, as a type of argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {value}, expected a number above 0")
    return value


def _percentile(text: str) -> float:
    value = float(text)
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError(f"found {value:g}, expected a number above 0 and up to 100")
    return value
