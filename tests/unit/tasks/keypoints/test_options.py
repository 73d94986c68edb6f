from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pytest_quant.tasks.keypoints.options import APOptions, NoOptions, PostprocessOptions, PreprocessOptions


def test_defaults_are_those_of_the_published_table() -> None:
    assert PreprocessOptions().model_dump() == {"padding": 1.25, "udp": False}
    postprocess = PostprocessOptions()
    assert (postprocess.decoder, postprocess.refinement, postprocess.flip_test) == ("heatmap", "shift", False)
    assert APOptions().model_dump() == {
        "score": "bbox_keypoint",
        "keypoint_threshold": 0.2,
        "nms": "oks",
        "nms_threshold": 0.9,
        "bbox_in_results": True,
    }


@pytest.mark.parametrize(
    ("keys", "refinement"),
    [({}, "shift"), ({"refine": "udp"}, "udp"), ({"decoder": "simcc"}, "none"), ({"refine": "none"}, "none")],
)
def test_refinement_follows_from_the_decoder(keys: dict[str, Any], refinement: str) -> None:
    assert PostprocessOptions.model_validate(keys).refinement == refinement


@pytest.mark.parametrize(
    ("model", "keys", "message"),
    [
        (PreprocessOptions, {"padding": 0}, "greater than 0"),
        (PreprocessOptions, {"udp": "yes"}, "valid boolean"),
        (PreprocessOptions, {"resize": {"size": [1, 1]}}, "Extra inputs"),
        (PostprocessOptions, {"decoder": "pan"}, "'heatmap' or 'simcc'"),
        (PostprocessOptions, {"refine": "quarter"}, "'shift'"),
        (PostprocessOptions, {"flip_test": 0}, "valid boolean"),
        (PostprocessOptions, {"split_ratio": 2.0}, "no `split_ratio` with `decoder: heatmap`"),
        (PostprocessOptions, {"decoder": "simcc", "flip_shift": False}, "no `flip_shift` with `decoder: simcc`"),
        (PostprocessOptions, {"decoder": "simcc", "profile": "mmpose-0.x"}, "no `profile` with"),
        (PostprocessOptions, {"decoder": "simcc", "refine": "shift"}, "`refine: dark` or `refine: none`"),
        (PostprocessOptions, {"decoder": "simcc", "refine": "dark"}, "`refine: dark` and `sigma` together"),
        (PostprocessOptions, {"decoder": "simcc", "sigma": [4.9, 5.66]}, "`refine: dark` and `sigma` together"),
        (PostprocessOptions, {"decoder": "simcc", "refine": "dark", "sigma": 4.9}, r"\[x, y\], both numbers above 0"),
        (PostprocessOptions, {"blur_kernel": 11}, "`blur_kernel` with `refine: dark`"),
        (PostprocessOptions, {"refine": "dark", "blur_kernel": 10}, "an odd whole number"),
        (PostprocessOptions, {"flip_shift": False}, "`flip_shift` with `flip_test: true` only"),
        (PostprocessOptions, {"heatmap_size": [48, 64.5]}, r"\[width, height\], both whole numbers"),
        (APOptions, {"nms": "hard"}, "'oks', 'soft' or 'none'"),
        (APOptions, {"nms_threshold": 0}, "greater than 0"),
        (APOptions, {"keypoint_threshold": 20}, "less than or equal to 1"),
        (APOptions, {"bbox_in_results": "no"}, "valid boolean"),
        (NoOptions, {"nms": "soft"}, "Extra inputs"),
    ],
)
def test_mistakes_are_named(model: type[BaseModel], keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(keys)


def test_good_combinations_are_taken() -> None:
    PostprocessOptions.model_validate({"refine": "dark", "blur_kernel": 17, "flip_test": True, "flip_shift": False})
    PostprocessOptions.model_validate(
        {"decoder": "simcc", "refine": "dark", "sigma": [4.9, 5.66], "split_ratio": 2.0, "flip_test": True}
    )
