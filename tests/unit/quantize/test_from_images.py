from __future__ import annotations

import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pytest_quant.datasets.base import Image, Sample
from pytest_quant.datasets.coco_json import CocoImage
from pytest_quant.datasets.coco_keypoints import Box, PoseTruth
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.events import Event, Finished, Started
from pytest_quant.extending.known import get_task, open_dataset
from pytest_quant.nets.ncnn.blobs import BlobExtractor
from pytest_quant.nets.ncnn.files import lint_table, read_param, read_table
from pytest_quant.nets.ncnn.net_files import NcnnFiles, ncnn_files
from pytest_quant.quantize.calibration import calibrate
from pytest_quant.quantize.from_images import calibrate_model, choose
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError, QuantError, QuantWarning, RunnerError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import InputSpec
from pytest_quant.tasks.keypoints.pipeline import KeypointsPipeline
from pytest_quant.zoo.reader import find_model, read_zoo
from tests import tiny

from ..tasks.keypoints.scenes import pose_net
from .nets import shared


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    tiny.write_images(tmp_path, 12)
    return find_model(read_zoo(tiny.write_zoo(tmp_path)), "tiny")


@pytest.fixture
def images(model: ModelSpec) -> ImageFiles:
    return open_images(model.zoo.parent / "images")


def test_a_table_of_the_model_from_a_folder(model: ModelSpec, images: ImageFiles) -> None:
    table = calibrate_model(model, images)
    assert lint_table(table, read_param(ncnn_files(model, "fp32").param)) == []
    pipeline = get_task(model.task).pipeline(model)
    arrays = [pipeline.prepare(images.read(sample), sample).tensor for sample in images.samples]
    files = (ncnn_files(model, "fp32").param, ncnn_files(model, "fp32").bin)
    assert table == calibrate(*files, lambda: arrays, lambda: BlobExtractor(*files))


def test_a_dataset_serves_too(model: ModelSpec, images: ImageFiles) -> None:
    assert calibrate_model(model, open_dataset(model.dataset)) == calibrate_model(model, images)


def test_the_choice_is_seeded_and_a_smaller_one_lies_inside_a_larger(images: ImageFiles) -> None:
    few, many = choose(images, 4), choose(images, 7)
    assert few == many[:4]
    assert choose(images, 4, seed=1) != few
    assert choose(images, 12) == choose(images, 99) == choose(images) == images.samples


def test_options_reach_the_table(model: ModelSpec, images: ImageFiles) -> None:
    kl, minmax = (calibrate_model(model, images, method=method) for method in ("kl", "minmax"))
    assert kl.activations["conv"] > minmax.activations["conv"]
    assert calibrate_model(model, images, images.samples[:2], method="minmax") != minmax


def test_layers_to_keep_float(model: ModelSpec, images: ImageFiles) -> None:
    with pytest.raises(ConfigError, match=r"no layer 'convv' that could be kept float. Did you mean `conv`\?"):
        calibrate_model(model, images, keep_float=["convv"])
    with pytest.raises(ConfigError, match="nothing is left to quantize"):
        calibrate_model(model, images, keep_float=["conv"])


def test_threads_stay_within_the_cores(model: ModelSpec, images: ImageFiles, tmp_path: Path) -> None:
    active, most, lock = 0, 0, threading.Lock()

    class Counted(ImageFiles):
        def read(self, sample: Sample, *, orient: bool = True) -> Image:
            nonlocal active, most
            with lock:
                active += 1
                most = max(most, active)
            time.sleep(0.001)
            with lock:
                active -= 1
            return super().read(sample, orient=orient)

    cores, counted = CorePool(tmp_path / "cores", 2), Counted(images.name, list(images.samples))
    events: list[Event] = []
    table = calibrate_model(model, counted, engine=Engine(cores, events.append))
    assert table == calibrate_model(model, images)
    assert 1 <= most <= 2
    finished = [event for event in events if isinstance(event, Finished)]
    assert [(event.stage, event.computed) for event in finished] == [
        ("calibration, absmax", 12),
        ("calibration, histogram", 12),
    ]
    assert {event.samples for event in events if isinstance(event, Started)} == {12}


def test_one_image_is_said_to_be_few(model: ModelSpec, images: ImageFiles) -> None:
    with pytest.warns(QuantWarning, match=r"tiny: one image is not a calibration set: the scales fit '000.png' alone"):
        table = calibrate_model(model, images, images.samples[:1])
    assert np.isfinite(table.activations["conv"])


def test_no_image(model: ModelSpec, images: ImageFiles) -> None:
    with pytest.raises(QuantError, match="no calibration input"):
        calibrate_model(model, images, [])


def test_an_unreadable_image_is_named(model: ModelSpec, images: ImageFiles) -> None:
    images.content(images.samples[5]).write_bytes(b"no image")
    with pytest.raises(DatasetError, match=r"sample '005.png' .*does not decode"):
        calibrate_model(model, images)


def test_images_of_the_wrong_kind(model: ModelSpec, images: ImageFiles) -> None:
    cropping = replace(
        model,
        input=replace(model.input, size=None),
        preprocess=get_task("classification").preprocess_options.model_validate({"crop": 64}),
    )
    with pytest.raises(DatasetError, match=r"sample '0\d\d.png': an image of 8 by 8 pixels is smaller than the crop"):
        calibrate_model(cropping, images)


def test_an_image_too_small_for_the_net_is_named(model: ModelSpec, images: ImageFiles) -> None:
    text = ncnn_files(model, "fp32").param.read_text().replace("conv 0=4 1=1 5=1 6=12", "conv 0=4 1=1 5=1 6=12 3=1")
    text = text.replace("Pooling          pool  1 1 conv pool 0=1 4=1", "Pooling pool 1 1 conv pool 0=1 1=11 5=1")
    ncnn_files(model, "fp32").param.write_text(
        text.replace("4 4\n", "5 5\n").replace(
            "Softmax          prob  1 1 pool prob", "Softmax prob 1 1 pool soft\nInnerProduct fc 1 1 soft prob 0=1 2=4"
        )
    )
    with ncnn_files(model, "fp32").bin.open("ab") as file:
        file.write(bytes(4) + np.ones(4, np.float32).tobytes())
    with pytest.raises(RunnerError, match=r"image '0\d\d.png': .*ncnn gave no blob 'soft' .*\(3, 8, 8\)"):
        calibrate_model(model, images)


def test_values_that_are_not_finite_name_layer_blob_and_image(model: ModelSpec, images: ImageFiles) -> None:
    cv2.imwrite(str(images.content(images.samples[3])), np.full((8, 8, 3), 255, np.uint8))
    text = ncnn_files(model, "fp32").param.read_text().replace("4 4\n", "5 5\n")
    text = text.replace("1 1 data conv", "1 1 log conv").replace(
        "Convolution ",
        "UnaryOp log 1 1 data log 0=8\nConvolution ",  # the logarithm of a negative number
    )
    ncnn_files(model, "fp32").param.write_text(text)
    bright = replace(model, input=replace(model.input, mean=(-1.0,) * 3))
    calibrate_model(bright, images)
    with pytest.raises(QuantError, match=r"image '0\d\d.png' makes blob 'log' .*not finite.*which layer 'conv' reads"):
        calibrate_model(model, images)


def test_an_unknown_layer_is_refused(model: ModelSpec, images: ImageFiles) -> None:
    text = ncnn_files(model, "fp32").param.read_text().replace("4 4\n", "5 5\n")
    text = text.replace("1 1 data conv", "1 1 x conv").replace("Convolution ", "MyLayer mine 1 1 data x\nConvolution ")
    ncnn_files(model, "fp32").param.write_text(text)
    with pytest.raises(QuantError, match=r"layer 'mine' \(MyLayer\): its format is not known"):
        calibrate_model(model, images)


def test_memory_of_a_thread_holds_one_image(model: ModelSpec, images: ImageFiles, tmp_path: Path) -> None:
    """Nothing that is prepared outlives its turn, however many images there are."""
    alive: list[weakref.ref[Image]] = []
    most = 0

    class Watched(ImageFiles):
        def read(self, sample: Sample, *, orient: bool = True) -> Image:
            nonlocal most
            most = max(most, sum(ref() is not None for ref in alive))
            image = super().read(sample, orient=orient)
            alive.append(weakref.ref(image))
            return image

    dataset = Watched(images.name, images.samples)
    calibrate_model(model, dataset, list(images.samples) * 3, engine=Engine(CorePool(tmp_path / "cores", 2)))
    assert len(alive) == 72
    assert most <= 4


def test_a_keypoint_net_takes_an_image_without_boxes_as_a_crop(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(1, 256, (64, 48, 3), np.uint8)
    pixels[5, 7, 1] = 0
    cv2.imwrite(str(tmp_path / "crop.png"), pixels)
    tiny.write_net(tmp_path, "net")
    files = NcnnFiles(param=tmp_path / "net.param", bin=tmp_path / "net.bin")
    net = pose_net()
    crops = open_images(tmp_path / "crop.png")
    seen = KeypointsPipeline(net).prepare_crop(crops.read(crops.samples[0]), crops.samples[0]).tensor
    np.testing.assert_array_equal(seen[0], pixels[:, :, ::-1].transpose(2, 0, 1))  # already of the net's size
    with pytest.warns(QuantWarning, match="one image"):
        table = calibrate_model(
            replace(net.with_net("fp32", files.net()), input=replace(net.input, blob="data")), crops, method="minmax"
        )
    assert table.activations["conv"] == pytest.approx(127 / 255)


def test_a_real_table_from_its_own_images() -> None:
    """The tool multiplied by rounded factors where we divide, hence the last digits."""
    param = shared("models/resnet20-cifar10/resnet20.param")
    files, zoo = NcnnFiles(param=param, bin=param.with_suffix(".bin")), Path("zoo.quant.yaml")
    model = ModelSpec(
        "resnet20",
        zoo,
        "classification",
        DatasetSpec("none", "image-list", None, zoo),
        {"fp32": files.net(), "int8": files.net()},
        InputSpec("in0", (32, 32), "rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
        ("out0",),
        preprocess=get_task("classification").preprocess_options(),
    )
    images = open_images(shared("data/cifar10/calibration"))
    assert len(images.samples) == 475
    table, expected = calibrate_model(model, images), read_table(param.with_suffix(".table"))
    assert table.activations == pytest.approx(expected.activations, rel=5e-6)
    assert table.weights.keys() == expected.weights.keys()


def test_every_person_of_an_image_counts(tmp_path: Path) -> None:
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[:, 60:] = 200  # the second box alone sees it
    cv2.imwrite(str(tmp_path / "9.png"), pixels)
    tiny.write_net(tmp_path, "net")
    net = pose_net(preprocess={"padding": 1.0})
    files = NcnnFiles(param=tmp_path / "net.param", bin=tmp_path / "net.bin")
    model = replace(net.with_net("fp32", files.net()), input=replace(net.input, blob="data"))
    boxes = (Box("9/1", (0, 0, 48, 64), 1.0), Box("9/2", (48, 0, 96, 64), 1.0))
    scales = []
    for chosen in (boxes[:1], boxes):
        truth = PoseTruth(CocoImage(9, "9.png", 96, 64), (), chosen)
        samples = [Sample(id_, truth, tmp_path / "9.png") for id_ in ("9", "10")]
        table = calibrate_model(model, ImageFiles("persons", samples), method="minmax")
        scales.append(table.activations["conv"])
    assert scales == [1.0, pytest.approx(127 / 200)]  # without any value the scale is 1
