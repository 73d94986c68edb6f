"""From a model whose files are still to be made to the same model with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_quant.datasets.sampling import seeded_order
from pytest_quant.environment import isa, versions
from pytest_quant.errors import ConfigError, DatasetError, DatasetMissingError
from pytest_quant.ncnn_files.table import write_table
from pytest_quant.nets import check_nets
from pytest_quant.predictions.built_files import BuiltFiles
from pytest_quant.predictions.cores import CorePool
from pytest_quant.predictions.digests import DigestMemo, sha256_json
from pytest_quant.quantize.from_images import calibrate_model, list_images
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec import UNBUILT, CalibrationSpec, ModelSpec, NetFiles
from pytest_quant.tasks import get_task
from pytest_quant.text import shown

_BUILD_VERSION = 1
"""Part of every key: raise it when the same inputs give other files than before."""
_SEED = 0
"""Of the choice of calibration images: the int8 net does not depend on the seed of an evaluation."""


class ModelBuilder:
    """Makes the files that zoo entries describe instead of naming them."""

    def __init__(self, files: BuiltFiles, digests: DigestMemo, cores: CorePool) -> None:
        self._files = files
        self._digests = digests
        self._cores = cores

    def built(self, model: ModelSpec) -> ModelSpec:
        """The model with the files of both sides, made now where nobody has made them before.

        Raises `DatasetMissingError` where the calibration images are not there, and `QuantError` where the files
        cannot be made or do not fit the entry.
        """
        if model.is_built:
            return model
        name = f"{shown(model.zoo)}: models.{model.name}"
        if model.calibration is not None and model.int8 == UNBUILT:
            model = self._with_int8(model, model.calibration)
        try:
            check_nets(model)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
        return replace(model, built_in=self._files.root)

    def calibration_images(self, model: ModelSpec) -> list[Path]:
        """The images that a model is calibrated with: the seeded choice, in its order; empty for files that are given.

        Raises `DatasetMissingError` when they are not on this machine.
        """
        return [] if model.calibration is None else chosen_images(model.calibration, model)

    def image_digests(self, images: Sequence[Path]) -> list[str]:
        """SHA-256 of image files; raises `DatasetError` for one that cannot be read."""
        try:
            return self._digests.of_files(images)
        except OSError as error:
            raise DatasetError(f"calibration image {error.filename} cannot be read: {error.strerror}") from error

    def _with_int8(self, model: ModelSpec, calibration: CalibrationSpec) -> ModelSpec:
        images = chosen_images(calibration, model)
        folder = self._files.folder(
            self._int8_key(model, calibration, images),
            lambda folder: self._make_int8(model, calibration, images, folder),
        )
        table, int8 = _int8_files(folder, model)
        return replace(model, int8=int8, table=table)

    def _make_int8(self, model: ModelSpec, calibration: CalibrationSpec, images: Sequence[Path], folder: Path) -> None:
        table_path, int8 = _int8_files(folder, model)
        table = calibrate_model(
            model,
            images,
            method=calibration.method,
            percentile=calibration.percentile,
            eight_bit=calibration.eight_bit,
            keep_float=calibration.keep_float,
            threads=self._cores.count,
            hold_core=self._cores.core,
        )
        write_table(table, table_path)
        quantize_model(model.fp32.param, model.fp32.bin, table_path, int8.param, int8.bin)

    def _int8_key(self, model: ModelSpec, calibration: CalibrationSpec, images: Sequence[Path]) -> str:
        found = versions()
        return sha256_json(
            {
                "build": _BUILD_VERSION,
                "name": model.name,
                "pytest_quant": found["pytest_quant"],
                "ncnn": found["ncnn"],
                "isa": isa(),
                "fp32": self._digests.of_files([model.fp32.param, model.fp32.bin]),
                "input": model.input.blob,
                "pipeline": get_task(model.task).pipeline(model).fingerprint(),
                "method": calibration.method,
                "percentile": calibration.percentile,
                "eight_bit": calibration.eight_bit,
                "keep_float": sorted(calibration.keep_float),
                "images": self.image_digests(images),
            }
        )


def _int8_files(folder: Path, model: ModelSpec) -> tuple[Path, NetFiles]:
    """Where the table and the int8 net of a model lie in the folder that is built for them."""
    return folder / f"{model.name}.table", NetFiles(
        folder / f"{model.name}-int8.param", folder / f"{model.name}-int8.bin"
    )


def chosen_images(calibration: CalibrationSpec, model: ModelSpec) -> list[Path]:
    """The images of a calibration: all that are listed, or the seeded choice of ``samples`` of them.

    Raises `DatasetMissingError` when the folder or list is not there, `DatasetError` when it holds no image.
    """
    if calibration.images is None:
        raise DatasetMissingError(calibration.missing or "the calibration images are not on this machine")
    where = f"{shown(model.zoo)}: models.{model.name}.int8.calibrate.images"
    if not calibration.images.exists():
        raise DatasetMissingError(
            f"{where}: {shown(calibration.images)} does not exist; expected a folder of images, or a text file with "
            "one path per line"
        )
    images = list_images(calibration.images)
    wanted = calibration.samples
    if wanted is None or wanted >= len(images):
        return images
    base = calibration.images if calibration.images.is_dir() else calibration.images.parent
    names = [path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix() for path in images]
    return [images[index] for index in seeded_order(names, _SEED)[:wanted]]
