from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pytest_quant.extending.known import get_task
from pytest_quant.spec.errors import ConfigError
from pytest_quant.tasks.classification.options import AccuracyOptions, PostprocessOptions, PreprocessOptions, Resize

from .models import classifier, net_input


def test_defaults() -> None:
    assert PreprocessOptions() == PreprocessOptions(resize=None, backend="pillow", crop=None)
    assert AccuracyOptions().profile == "rank"
    assert (AccuracyOptions().threshold, AccuracyOptions(profile="mmpretrain").threshold) == (None, 0.0)


def test_what_a_zoo_file_says() -> None:
    options = PreprocessOptions.model_validate({"resize": {"short_side": 256}, "crop": 224, "backend": "opencv"})
    assert options.resize == Resize(short_side=256, rounding="truncate")
    assert options.crop == (224, 224)
    assert PreprocessOptions.model_validate({"crop": [224, 160]}).crop == (224, 160)
    assert PreprocessOptions.model_validate({"resize": {"size": [227, 227]}}).resize == Resize(size=(227, 227))


@pytest.mark.parametrize(
    "keys",
    [
        {"crops": 224},
        {"backend": "PIL"},
        {"crop": 0},
        {"crop": -1},
        {"crop": 224.0},
        {"crop": "224"},
        {"crop": True},
        {"crop": [224]},
        {"crop": [1, 2, 3]},
        {"resize": 256},
        {"resize": {}},
        {"resize": {"long_side": 1280}},
        {"resize": {"size": [256, 256], "short_side": 256}},
        {"resize": {"size": [256, 256], "rounding": "truncate"}},
        {"resize": {"short_side": 256, "rounding": "floor"}},
        {"resize": {"rounding": "round"}},
        {"resize": {"size": 256}},
        {"resize": {"size": [256, 0]}},
    ],
)
def test_other_preprocess_keys_and_values_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PreprocessOptions.model_validate(keys)


def test_each_mistake_is_told_once() -> None:
    with pytest.raises(ValidationError) as caught:
        PreprocessOptions.model_validate({"crop": "wide", "resize": {"size": [1, 1], "short_side": 1}})
    assert [(detail["loc"], detail["msg"]) for detail in caught.value.errors()] == [
        (("resize",), "Value error, exactly one of `size: [width, height]` and `short_side`"),
        (("crop",), "Value error, [width, height], both whole numbers above 0"),
    ]


def test_classifiers_have_no_postprocess_keys() -> None:
    with pytest.raises(ValidationError):
        PostprocessOptions.model_validate({"decoder": "softmax"})


@pytest.mark.parametrize("keys", [{"profile": "torchvision"}, {"threshold": 0}])
def test_other_metric_options_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AccuracyOptions.model_validate(keys)


@pytest.mark.parametrize(
    ("keys", "size", "message"),
    [
        ({"crop": 224}, (227, 227), r"crop gives images of \[224, 224\] .* input\.size is \[227, 227\]"),
        ({"crop": [224, 192]}, (192, 224), r"crop gives images of \[224, 192\]"),
        ({"resize": {"size": [256, 256]}}, (224, 224), r"resize\.size gives images of \[256, 256\]"),
        ({"resize": {"short_side": 256}}, (224, 224), r"add `crop: \[224, 224\]`"),
        ({"resize": {"short_side": 200}, "crop": 224}, None, r"crop \[224, 224\] is larger .* short_side 200"),
        ({"resize": {"size": [300, 200]}, "crop": 224}, (224, 224), r"is larger .* size \[300, 200\]"),
    ],
)
def test_contradictions(keys: dict[str, Any], size: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        get_task("classification").pipeline(classifier(net_input(size), keys))


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        ({}, None),
        ({}, (224, 224)),
        ({"crop": 224}, (224, 224)),
        ({"resize": {"short_side": 256}, "crop": 224}, (224, 224)),
        ({"resize": {"short_side": 256}, "crop": [300, 224]}, None),
        ({"resize": {"short_side": 256}}, None),
        ({"resize": {"size": [256, 256]}, "crop": 256}, (256, 256)),
    ],
)
def test_sizes_that_fit(keys: dict[str, Any], size: tuple[int, int] | None) -> None:
    get_task("classification").pipeline(classifier(net_input(size), keys))


@pytest.mark.parametrize("outputs", [(), ("a", "b")])
def test_a_classifier_has_one_output(outputs: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="a classifier has one output blob"):
        get_task("classification").pipeline(classifier(outputs=outputs))
