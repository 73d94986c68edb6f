"""From a model whose files are still to be made to the same model with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_quant.building.built_files import BuiltFiles
from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.digests import DigestMemo, sha256_json
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.files.table import write_table
from pytest_quant.quantize.from_images import calibrate_model, choose
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.environment import isa, versions
from pytest_quant.spec.errors import ConfigError, DatasetError, DatasetMissingError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import UNBUILT, NetFiles
from pytest_quant.spec.text import shown
from pytest_quant.zoo.net_checks import check_nets

_BUILD_VERSION = 1
"""Part of every key: raise it when the same inputs give other files than before."""


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
        if model.fp32_onnx is not None and model.fp32 == UNBUILT:
            model = self._with_fp32(model, model.fp32_onnx)
        if model.calibration is not None and model.int8 == UNBUILT:
            model = self._with_int8(model, model.calibration)
        try:
            check_nets(model)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
        return replace(model, built_in=self._files.root)

    def image_digests(self, dataset: ImageFiles, images: Sequence[Sample]) -> list[str]:
        """SHA-256 of image files; raises `DatasetError` for one that cannot be read."""
        try:
            return self._digests.of_contents([dataset.content(image) for image in images])
        except OSError as error:
            raise DatasetError(f"calibration image {error.filename} cannot be read: {error.strerror}") from error

    def _with_fp32(self, model: ModelSpec, onnx: Path) -> ModelSpec:
        from pytest_quant.nets.ncnn.pnnx import converted_files, onnx_to_ncnn, pnnx_version  # with them comes onnx
        from pytest_quant.nets.onnxruntime.facts import inspect_onnx

        key = {
            "build": _BUILD_VERSION,
            "name": onnx.stem,
            "onnx": self._digests.of_files(inspect_onnx(onnx).files),
            "pnnx": pnnx_version(),
        }

        def make(folder: Path) -> None:
            with self._cores.core():
                onnx_to_ncnn(onnx, folder)

        return replace(model, fp32=converted_files(onnx, self._files.folder(sha256_json(key), make)))

    def _with_int8(self, model: ModelSpec, calibration: CalibrationSpec) -> ModelSpec:
        dataset, images = calibration_set(calibration, model)
        key = self._int8_key(model, calibration, self.image_digests(dataset, images))
        folder = self._files.folder(key, lambda fresh: self._make_int8(model, calibration, dataset, images, fresh))
        table, int8 = _int8_files(folder, model)
        return replace(model, int8=int8, table=table)

    def _make_int8(
        self,
        model: ModelSpec,
        calibration: CalibrationSpec,
        dataset: ImageFiles,
        images: Sequence[Sample],
        folder: Path,
    ) -> None:
        table_path, int8 = _int8_files(folder, model)
        table = calibrate_model(
            model,
            dataset,
            images,
            method=calibration.method,
            percentile=calibration.percentile,
            eight_bit=calibration.eight_bit,
            keep_float=calibration.keep_float,
            cores=self._cores,
        )
        write_table(table, table_path)
        fp32, keep_float = model.fp32, calibration.keep_float
        quantize_model(fp32.param, fp32.bin, table_path, int8.param, int8.bin, keep_float=keep_float)

    def _int8_key(self, model: ModelSpec, calibration: CalibrationSpec, images: Sequence[str]) -> str:
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
                "images": list(images),
            }
        )


def _int8_files(folder: Path, model: ModelSpec) -> tuple[Path, NetFiles]:
    """Where the table and the int8 net of a model lie in the folder that is built for them."""
    return folder / f"{model.name}.table", NetFiles(
        folder / f"{model.name}-int8.param", folder / f"{model.name}-int8.bin"
    )


def calibration_set(calibration: CalibrationSpec, model: ModelSpec) -> tuple[ImageFiles, list[Sample]]:
    """The images of a calibration: all that are listed, or the seeded choice of ``samples`` of them.

    Raises `DatasetMissingError` when the folder or list is not there, `DatasetError` when it holds no image.
    """
    if calibration.images is None:
        raise DatasetMissingError(calibration.missing or "the calibration images are not on this machine")
    dataset = open_images(calibration.images, what=f"{shown(model.zoo)}: models.{model.name}.int8.calibrate.images")
    return dataset, choose(dataset, calibration.samples)
