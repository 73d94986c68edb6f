"""From a model whose files are still to be made to the same model with its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_quant.building.built_files import BuiltFiles
from pytest_quant.datasets.arrays import ArrayFiles, open_arrays
from pytest_quant.datasets.base import Dataset, Sample
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.calibration_facts import CalibrationFacts, calibration_facts
from pytest_quant.evaluation.digests import sha256_file, sha256_json
from pytest_quant.evaluation.keys import files_of
from pytest_quant.evaluation.machine import isa, runtimes
from pytest_quant.evaluation.net_checks import check_net, check_nets
from pytest_quant.evaluation.resources import Resources
from pytest_quant.extending.known import get_task
from pytest_quant.nets.ncnn.files.table import write_table
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.from_images import calibrate_model, choose
from pytest_quant.quantize.lower import quantize_model
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.environment import kernels, versions
from pytest_quant.spec.errors import ConfigError, DatasetError, DatasetMissingError, ModelFileError, QuantError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net, NetSpec, OnnxSource
from pytest_quant.spec.text import shown

CalibrationFiles = ImageFiles | ArrayFiles
"""Of models that are fed images, or arrays."""

_BUILD_VERSION = 1
"""Part of every key: raise it when the same inputs give other files than before."""


class ModelBuilder:
    """Makes the files that zoo entries describe instead of naming them."""

    def __init__(self, files: BuiltFiles, resources: Resources) -> None:
        self._files = files
        self._trials = resources.trials
        self._digests = resources.digests
        self._engine = resources.engine
        self._known: dict[tuple[str, str], ModelSpec | QuantError] = {}

    def built(self, model: ModelSpec) -> ModelSpec:
        """The model with the files of all nets, made now where nobody has made them before.

        Raises `DatasetMissingError` where the calibration images are not there, and `QuantError` where the files
        cannot be made or do not fit the entry.
        """
        if model.is_built:
            return model
        key = (str(model.zoo), model.name)
        if key not in self._known:
            try:
                self._known[key] = self._built(model)
            except QuantError as error:  # the next case of the model is told the same, at once
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, QuantError):
            raise found
        return found

    def calibration_facts(self, model: ModelSpec, dataset: Dataset) -> CalibrationFacts | None:
        """What the int8 net was calibrated with, held against the dataset; None where its files were given."""
        if model.calibration is None:
            return None
        images, chosen = calibration_set(model.calibration, model)
        known = self.image_digests(images, chosen)
        return calibration_facts(model.calibration, images, chosen, known, dataset, self._digests)

    def _built(self, model: ModelSpec) -> ModelSpec:
        where = f"{shown(model.zoo)}: models.{model.name}"
        made = [name for name, net in model.nets.items() if not net.is_built]
        for name in sorted(made, key=lambda name: name != "fp32"):  # the others may be made from it
            model = model.with_net(name, self._made(model, name))
        try:
            check_nets(model)
            for name in made:
                check_net(model, name)
        except (ConfigError, ModelFileError) as error:
            raise ConfigError(f"{where}: {error}") from None
        first = next(iter(files_of(model, made[0]).values()))
        return replace(model, built_in=self._files.root_of(first))

    def image_digests(self, dataset: CalibrationFiles, images: Sequence[Sample]) -> list[str]:
        """SHA-256 of image files; raises `DatasetError` for one that cannot be read."""
        try:
            return self._digests.of_contents([dataset.content(image) for image in images])
        except OSError as error:
            where = shown(Path(error.filename))
            raise DatasetError(f"calibration image {where} cannot be read: {error.strerror}") from error

    def _made(self, model: ModelSpec, name: Net) -> NetSpec:
        """A net with its files, converted or calibrated."""
        net = model.nets[name]
        if isinstance(net.source, OnnxSource):
            return replace(net, entry=self._converted(net.source.path))
        if isinstance(net.source, CalibrationSpec):
            return replace(net, entry=self._calibrated(model, name, net.source))
        raise TypeError(f"{model.name}: {name} has neither files nor anything to make them from")

    def _converted(self, onnx: Path) -> NcnnFiles:
        from pytest_quant.nets.ncnn.pnnx import converted_files, onnx_to_ncnn, pnnx_version  # with them comes onnx
        from pytest_quant.nets.onnxruntime.facts import inspect_onnx

        files = inspect_onnx(onnx).files
        digests = [sha256_file(path) for path in files]
        key = {"build": _BUILD_VERSION, "name": onnx.stem, "onnx": digests, "pnnx": pnnx_version()}

        def make(folder: Path) -> None:
            with self._engine.cores.core():
                onnx_to_ncnn(onnx, folder)
            if [sha256_file(path) for path in files] != digests:
                raise ModelFileError(f"{shown(onnx)} was replaced while the run was on; run again")

        return converted_files(onnx, self._files.folder(sha256_json(key), make))

    def _calibrated(self, model: ModelSpec, name: Net, calibration: CalibrationSpec) -> NcnnFiles:
        dataset, images = calibration_set(calibration, model)

        def key_now() -> str:
            return self._int8_key(model, name, calibration, self.image_digests(dataset, images))

        key = key_now()

        def make(fresh: Path) -> None:
            self._make_int8(model, calibration, dataset, images, _int8_files(fresh, model, name))
            if key_now() != key:
                raise ModelFileError(
                    f"{model.name}: its fp32 net or a calibration image was replaced while the run was on; run again"
                )

        return _int8_files(self._files.folder(key, make), model, name)

    def _make_int8(
        self,
        model: ModelSpec,
        calibration: CalibrationSpec,
        dataset: CalibrationFiles,
        images: Sequence[Sample],
        int8: NcnnFiles,
    ) -> None:
        table = calibrate_model(
            model,
            dataset,
            images,
            method=calibration.method,
            percentile=calibration.percentile,
            eight_bit=calibration.eight_bit,
            keep_float=calibration.keep_float,
            engine=self._engine,
            trials=self._trials,
        )
        if int8.table is None:
            raise TypeError(f"{int8.param}: a calibrated net has a table")
        write_table(table, int8.table)
        fp32, keep_float = ncnn_files(model, "fp32"), calibration.keep_float
        quantize_model(fp32.param, fp32.bin, int8.table, int8.param, int8.bin, keep_float=keep_float)

    def _int8_key(self, model: ModelSpec, name: Net, calibration: CalibrationSpec, images: Sequence[str]) -> str:
        fp32 = ncnn_files(model, "fp32")
        return sha256_json(
            {
                "build": _BUILD_VERSION,
                "name": [model.name, name],
                "pytest_quant": versions()["pytest_quant"],
                "ncnn": runtimes()["ncnn"],
                "isa": isa(),
                "fp32": [sha256_file(path) for path in (fp32.param, fp32.bin)],
                "input": model.input.array_conditions if model.input.arrays else model.input.blob,
                "pipeline": get_task(model.task).pipeline(model).fingerprint(),
                "method": calibration.method,
                "percentile": calibration.percentile,
                "eight_bit": calibration.eight_bit,
                "keep_float": sorted(calibration.keep_float),
                "images": list(images),
                **kernels(),
            }
        )


def _int8_files(folder: Path, model: ModelSpec, name: Net) -> NcnnFiles:
    """Where the table and a made net of a model lie in the folder that is built for them."""
    return NcnnFiles(
        param=folder / f"{model.name}-{name}.param",
        bin=folder / f"{model.name}-{name}.bin",
        table=folder / f"{model.name}{'' if name == 'int8' else f'-{name}'}.table",
    )


def calibration_set(calibration: CalibrationSpec, model: ModelSpec) -> tuple[CalibrationFiles, list[Sample]]:
    """The images of a calibration: all that are listed, or the seeded choice of ``samples`` of them.

    Raises `DatasetMissingError` when the folder or list is not there, `DatasetError` when it holds no image.
    """
    if calibration.images is None:
        raise DatasetMissingError(calibration.missing or "the calibration images are not on this machine")
    where = f"{shown(model.zoo)}: models.{model.name}.int8.calibrate"
    if model.input.arrays:
        arrays = open_arrays(calibration.images, what=f"{where}.arrays")
        return arrays, choose(arrays, calibration.samples)
    dataset = open_images(calibration.images, what=f"{where}.images")
    return dataset, choose(dataset, calibration.samples)
