"""A real recognizer whose inputs are saved as `.npz`: as arrays they give what the images give, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.building.workbench import open_workbench
from pytest_quant.datasets.arrays import ArraysOptions, open_arrays
from pytest_quant.extending.known import open_dataset
from pytest_quant.quantize.from_images import calibrate_model
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import ArrayInput, InputSpec
from pytest_quant.tasks.text_recognition.task import TASK
from tests.unit.tasks.text_recognition.test_real_model import english_g2

COUNT = 12


def as_arrays(model: ModelSpec, folder: Path) -> ModelSpec:
    """The model on its first prepared inputs, one file each, with the names of the samples."""
    pipeline, dataset = TASK.pipeline(model), open_dataset(model.dataset)
    for sample in dataset.samples[:COUNT]:
        prepared = pipeline.prepare(dataset.read(sample), sample)
        path = folder / f"{sample.id}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, line=prepared.tensor)
    arrays = DatasetSpec("saved", "arrays", ArraysOptions(root=folder), model.zoo)
    net_input = InputSpec.of_arrays((ArrayInput(model.input.blob, "line"),))
    return replace(model, task="outputs", dataset=arrays, input=net_input, preprocess=None, postprocess=None)


def test_saved_inputs_calibrate_and_compare_as_the_images_do(tmp_path: Path) -> None:
    model = english_g2()
    saved = as_arrays(model, tmp_path / "inputs")
    dataset = open_dataset(model.dataset)
    files = open_arrays(tmp_path / "inputs")
    assert len(files.samples) == COUNT
    of_images = calibrate_model(model, dataset, dataset.samples[:COUNT], method="kl")
    of_arrays = calibrate_model(saved, files, method="kl")
    assert of_arrays.activations == of_images.activations
    assert of_arrays.layers == of_images.layers
    one, other = open_workbench(tmp_path / "one", cores=2), open_workbench(tmp_path / "other", cores=2)
    expected = one.agreement(model, "fp32", "int8", dataset.samples[:COUNT])
    found = other.agreement(saved, "fp32", "int8", files.samples)
    assert found.sqnr_db == pytest.approx(expected.sqnr_db, rel=1e-9)
    assert 5 < found.worst[1] < 60, "int8 is another net"
