"""The work for one segmenter: sizes, errors, what is kept, and references."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.errors import ConfigError, DatasetError, RunnerError
from pytest_quant.tasks.base import Resampled
from pytest_quant.tasks.semantic_segmentation.lattice import lattice
from pytest_quant.tasks.semantic_segmentation.pipeline import SegmentationPipeline
from pytest_quant.tasks.semantic_segmentation.prediction import NoTruth
from tests.unit.tasks.semantic_segmentation.models import segmenter, write_dataset

Array = NDArray[np.float32]


def one_hot(classes: NDArray[Any], count: int) -> Array:
    return np.stack([(classes == index).astype(np.float32) for index in range(count)])


def answering(output: Array, blob: str = "out0") -> Callable[[Array], dict[str, Array]]:
    return lambda tensor: {blob: output}


MASK = np.array([[0, 0, 1, 1], [0, 2, 2, 255]], np.uint8)


def predicted(pipeline: SegmentationPipeline, dataset: Any, outputs: dict[str, Array]) -> list[Any]:
    return [
        pipeline.predict(answering(outputs[sample.id]), pipeline.prepare(dataset.read(sample), sample))
        for sample in dataset.samples
    ]


def test_both_sides_are_scored(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK, "b.png": MASK}, classes=["sky", "road", "tree"])
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    right = one_hot(MASK, 3)
    all_road = one_hot(np.ones_like(MASK), 3)
    fp32 = predicted(pipeline, dataset, {"a.png": right, "b.png": right})
    int8 = predicted(pipeline, dataset, {"a.png": right, "b.png": all_road})
    assert pipeline.unpack(pipeline.pack(int8)) == int8
    found = pipeline.compare(dataset.samples, fp32, int8)
    # int8: sky 3 of 6, road 4 of 9, tree 2 of 4
    assert found.metrics["mIoU"].fp32 == 100
    assert found.metrics["mIoU"].int8 == pytest.approx(100 * (3 / 6 + 4 / 9 + 2 / 4) / 3)
    assert found.metrics["aAcc"].int8 == pytest.approx(100 * 9 / 14)
    assert found.metrics["mAcc"].int8 == pytest.approx(100 * (3 / 6 + 1 + 2 / 4) / 3)
    assert (found.flips.only_fp32_right, found.flips.only_int8_right) == (5, 0)
    # In b 2 of 8 pixels are road on both sides; the void one is sky in fp32, whose logits are all 0 there.
    assert found.flips.agreement_pct == 100 * (8 + 2) / 16
    assert [moved.sample for moved in found.moved] == ["b.png"]
    assert found.details["iou_per_class"]["road"] == {"fp32": 100.0, "int8": pytest.approx(44.444444444)}
    evidence = found.metrics["mIoU"].evidence
    assert isinstance(evidence, Resampled)
    assert evidence.int8(np.array([[1, 1]]))[0] == found.metrics["mIoU"].int8
    assert evidence.int8(np.array([[2, 0]]))[0] == 100


def test_padding_of_a_fixed_input_does_not_count(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK}, classes=["sky", "road", "tree"])
    model = segmenter(spec, size=(8, 8), preprocess={"resize": {"keep_ratio": [8, 8]}, "pad_value": -1.0})
    pipeline, dataset = SegmentationPipeline(model), open_dataset(spec)
    sample = dataset.samples[0]
    prepared = pipeline.prepare(dataset.read(sample), sample)
    assert prepared.tensor.shape == (3, 8, 8)
    assert (prepared.tensor[:, :4] == 9).all()
    assert (prepared.tensor[:, 4:] == -1).all()
    padded = np.full((8, 8), 2)
    padded[:4] = MASK.repeat(2, axis=0).repeat(2, axis=1)
    prediction = pipeline.predict(answering(one_hot(padded, 3)), prepared)
    assert prediction.counts.intersection.tolist() == [3, 2, 2]
    assert prediction.counts.predicted.tolist() == [3, 2, 2]


def test_one_output_more_may_be_that_of_void(tmp_path: Path) -> None:
    """ESPNet on CamVid: a pixel that is answered 11 is wrong, and no false positive of another class."""
    spec = write_dataset(tmp_path, {"a.png": np.array([[0, 1, 2]], np.uint8)}, classes=["a", "b"], ignore_index=2)
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    found = predicted(pipeline, dataset, {"a.png": one_hot(np.array([[0, 2, 0]]), 3)})
    assert found[0].counts.intersection.tolist() == [1, 0]
    assert found[0].counts.predicted.tolist() == [1, 0]
    assert found[0].counts.predicted_on_void.tolist() == [1, 0]


def test_without_names_the_net_says_how_many_classes_there_are(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK})
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    found = predicted(pipeline, dataset, {"a.png": one_hot(MASK, 5)})
    assert found[0].counts.labelled.tolist() == [3, 2, 2, 0, 0]
    comparison = pipeline.compare(dataset.samples, found, found)
    assert comparison.metrics["mIoU"].fp32 == 100  # classes that are nowhere are left out
    assert comparison.details["iou_per_class"]["3"] == {"fp32": None, "int8": None}


def test_a_net_as_reference(tmp_path: Path) -> None:
    """fp32 as the truth: what int8 has in common with it, also on pixels that are void."""
    spec = write_dataset(tmp_path, {"a.png": MASK}, classes=["sky", "road", "tree"])
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    sample = dataset.samples[0]
    bare = pipeline.without_truth(sample, dataset.read(sample))
    assert bare.truth == NoTruth()
    fp32 = pipeline.predict(answering(one_hot(np.zeros_like(MASK), 3)), pipeline.prepare(dataset.read(sample), bare))
    int8 = pipeline.predict(
        answering(one_hot(np.array([[1, 1, 0, 0]] * 2), 3)), pipeline.prepare(dataset.read(sample), bare)
    )
    assert not fp32.counts.labelled.any()
    found = pipeline.compare([pipeline.with_truth(sample, fp32)], [fp32], [int8])
    assert found.metrics["mIoU"].fp32 == 100
    assert found.metrics["aAcc"].int8 == 50
    assert found.metrics["mIoU"].int8 == 25  # half of sky, none of road


def test_what_answers_are_worth_by_the_probabilities_of_another_net(tmp_path: Path) -> None:
    """fp32 is sure of two pixels and torn about two: another answer there costs hardly anything."""
    spec = write_dataset(tmp_path, {"a.png": np.zeros((1, 4), np.uint8)}, classes=["sky", "road"])
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    sample = dataset.samples[0]
    prepared = pipeline.prepare(dataset.read(sample), pipeline.without_truth(sample, dataset.read(sample)))
    road = np.array([[0.01, 0.99, 0.45, 0.55]], np.float32)
    fp32 = pipeline.predict(answering(np.stack([1 - road, road])), prepared)
    assert pipeline.estimates_truth
    likely = pipeline.with_likely_truth(sample, fp32)
    for changed, accuracy in ((2, 100 * (0.99 + 0.99 + 0.45 + 0.55) / 4), (1, 100 * (0.99 + 0.01 + 0.55 + 0.55) / 4)):
        answer = np.array([[0, 1, 0, 1]])
        answer[0, changed] = 1 - answer[0, changed]
        int8 = pipeline.predict(answering(one_hot(answer, 2)), prepared)
        found = pipeline.compare([likely], [fp32], [int8]).metrics
        assert found["aAcc"].fp32 == pytest.approx(100 * (0.99 + 0.99 + 0.55 + 0.55) / 4)
        assert found["aAcc"].int8 == pytest.approx(accuracy)
        assert found["mIoU"].drop > 0
    kept = pipeline.unpack(pipeline.pack([fp32]))[0]
    with pytest.raises(TypeError, match="how likely its answers are is not"):
        pipeline.with_likely_truth(sample, kept)
    assert not SegmentationPipeline(segmenter(spec, postprocess={"output": "labels"})).estimates_truth


@pytest.mark.parametrize(
    ("classes", "output", "options", "error", "message"),
    [
        (["a", "b"], one_hot(MASK, 5), {}, RunnerError, "5 outputs for each pixel, the dataset 2 classes"),
        (["a", "b"], one_hot(MASK, 2), {}, DatasetError, r"holds 2 in 25 % of its pixels, which is not a class"),
        (None, MASK[np.newaxis].astype(np.float32), {"output": "labels"}, ConfigError, "give the dataset its"),
        (
            ["a", "b", "c"],
            np.full((1, 2, 4), 3, np.float32),
            {"output": "labels"},
            RunnerError,
            "answers class 3, but there are 3 classes",
        ),
    ],
)
def test_nets_and_datasets_that_do_not_fit(
    tmp_path: Path,
    classes: list[str] | None,
    output: Array,
    options: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK}, classes=classes)
    pipeline, dataset = SegmentationPipeline(segmenter(spec, postprocess=options)), open_dataset(spec)
    with pytest.raises(error, match=message):
        predicted(pipeline, dataset, {"a.png": output})


def test_a_mask_of_another_size_than_its_image_is_refused(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK}, classes=["a", "b", "c"])
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    image = np.zeros((3, 4, 3), np.uint8)
    prepared = pipeline.prepare(image, dataset.samples[0])
    with pytest.raises(DatasetError, match=r"sample 'a.png': the image has the size \[4, 3\].* label image \[4, 2\]"):
        pipeline.predict(answering(np.zeros((3, 3, 4), np.float32)), prepared)


def test_nothing_but_void_measures_nothing(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": np.full((2, 2), 255, np.uint8)}, classes=["a", "b"])
    pipeline, dataset = SegmentationPipeline(segmenter(spec)), open_dataset(spec)
    found = predicted(pipeline, dataset, {"a.png": np.zeros((2, 2, 2), np.float32)})
    with pytest.raises(DatasetError, match="no pixel of the 1 label images has a class"):
        pipeline.compare(dataset.samples, found, found)


@pytest.mark.parametrize(
    ("size", "preprocess", "message"),
    [
        ((8, 8), {"resize": {"size": [4, 8]}}, "gives inputs of"),
        ((10, 8), {"pad_divisor": 8}, "does not divide input.size"),
    ],
)
def test_sizes_that_contradict_each_other(
    tmp_path: Path, size: tuple[int, int], preprocess: dict[str, Any], message: str
) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK})
    with pytest.raises(ConfigError, match=message):
        SegmentationPipeline(segmenter(spec, size=size, preprocess=preprocess))


def test_an_image_that_does_not_fit_into_the_input_is_refused(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK})
    pipeline = SegmentationPipeline(segmenter(spec, size=(8, 8), preprocess={"resize": {"short_side": 8}}))
    dataset = open_dataset(spec)
    with pytest.raises(DatasetError, match=r"becomes \[16, 8\], which is larger than input.size \[8, 8\]"):
        pipeline.prepare(dataset.read(dataset.samples[0]), dataset.samples[0])


def test_two_output_blobs_are_refused(tmp_path: Path) -> None:
    spec = write_dataset(tmp_path, {"a.png": MASK})
    with pytest.raises(ConfigError, match="one output blob"):
        SegmentationPipeline(segmenter(spec, outputs=("a", "b")))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 100000), (360, 480), (1024, 2048), (129, 127)])
def test_the_lattice_is_bounded_and_spread(height: int, width: int) -> None:
    points = lattice(height, width)
    assert len(points) <= 1 << 14
    assert len(points) >= min(height * width, 1 << 13)
    assert len(set(points.tolist())) == len(points)
    assert points.min() >= 0
    assert points.max() < height * width
    assert abs((points // width).mean() - (height - 1) / 2) <= 1
