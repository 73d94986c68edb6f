"""Calibration of a zoo's model with image files: its own preprocessing, one image at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.decode import decode_image
from pytest_quant.errors import DatasetError
from pytest_quant.ncnn_files.table import Table, layer_of
from pytest_quant.quantize.activations import Array, Extract, Progress
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.runners.blobs import BlobExtractor
from pytest_quant.spec import CalibrationMethod, ModelSpec
from pytest_quant.tasks import get_task
from pytest_quant.text import shown

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})

HoldCore = Callable[[], AbstractContextManager[None]]
"""Holds one core of the run while it is entered."""


def list_images(path: Path) -> list[Path]:
    """The images of a folder, with its subfolders, sorted; or those that a text file lists, one path per line.

    Raises `DatasetError` when there is none, or the list names one that does not exist.
    """
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file())
        if not found:
            raise DatasetError(f"{shown(path)} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
        return found
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{shown(path)} cannot be read as a list of images, one path per line: {error}") from error
    found = [path.parent / line.strip() for line in lines if line.strip()]
    if not found:
        raise DatasetError(f"{shown(path)} lists no image; expected one path per line")
    for number, image in enumerate(found, start=1):
        if not image.is_file():
            raise DatasetError(f"{shown(path)}: image {number} of {len(found)}, {shown(image)}, does not exist")
    return found


def model_inputs(model: ModelSpec, images: Sequence[Path]) -> Iterator[Array]:
    """The net's inputs for some images, float32 (channels, height, width), made one after the other.

    Raises `DatasetError` naming the image that does not decode.
    """
    task = get_task(model.task)
    pipeline = task.pipeline(model)
    for path in images:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"calibration image {shown(path)} cannot be read: {error.strerror}") from error
        image = decode_image(data, orient=task.orient, name=f"calibration image {shown(path)}")
        yield pipeline.prepare(image, Sample(path.name, None, path)).tensor


def calibrate_model(
    model: ModelSpec,
    images: Sequence[Path],
    *,
    method: CalibrationMethod = "kl",
    percentile: float = 99.99,
    eight_bit: bool = False,
    keep_float: Sequence[str] = (),
    threads: int = 1,
    hold_core: HoldCore = nullcontext,
    progress: Progress | None = None,
) -> Table:
    """The calibration table of a model's float net, made with its own preprocessing; see `calibrate`.

    Args:
        model: a zoo's model; its ``fp32`` files are read.
        images: image files; more of them take no more memory.
        method: how thresholds of activations are chosen.
        percentile: for that method: percent of the absolute values that are kept.
        eight_bit: 8-bit weights also where ncnn2table uses 6 bits.
        keep_float: layers that are left out of the table, and so stay float.
        threads: how many images run at the same time.
        hold_core: entered around each forward pass.
        progress: told the name of the pass and the number of images done.

    """
    files = model.fp32

    def open_extract() -> Extract:
        extractor = BlobExtractor(files.param, files.bin, channels=model.input.channels)

        def extract(array: Array, blobs: Sequence[str]) -> Iterator[tuple[str, Array]]:
            with hold_core():
                yield from extractor(array, blobs)

        return extract

    table = calibrate(
        files.param,
        files.bin,
        lambda: model_inputs(model, images),
        open_extract,
        method=method,
        percentile=percentile,
        eight_bit=eight_bit,
        threads=threads,
        progress=progress,
    )
    return without_layers(table, keep_float)


def without_layers(table: Table, layers: Sequence[str]) -> Table:
    """The table without some layers, which then stay float."""
    return replace(
        table,
        weights={entry: scales for entry, scales in table.weights.items() if layer_of(entry) not in layers},
        activations={layer: scale for layer, scale in table.activations.items() if layer not in layers},
    )
