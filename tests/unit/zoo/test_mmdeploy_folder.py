"""What an export folder of mmdeploy says, loses and contradicts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.spec.errors import ConfigError
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.mmdeploy.folder import describe_folder
from tests import exports, tiny

SHARED = Path(__file__).parents[4] / "shared" / "models" / "mmdeploy-resnet18"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An export folder with the nets of `tests.tiny`, which have 4 classes; its JSON files are written by each test."""
    monkeypatch.chdir(tmp_path)
    work_dir = tmp_path / "work_dir"
    work_dir.mkdir()
    tiny.write_net(work_dir, "end2end")
    tiny.write_net(work_dir, "end2end_int8", int8=True)
    return work_dir


def describe(folder: Path, task: Any, generation: str = "1.x", **known: Any) -> Draft:
    exports.write_export(folder, task, generation, blobs=("data", ["prob"]))
    return describe_folder(folder, **known)


def fatal(draft: Draft) -> list[str]:
    return [finding.told for finding in draft.findings if finding.fatal]


def notes(draft: Draft) -> list[str]:
    """What is told before a run."""
    return [finding.told for finding in draft.findings if not finding.fatal and not finding.usual]


def remarks(draft: Draft) -> list[str]:
    """What stands in the report only, but for what every folder has: the float net is named with precision INT8."""
    texts = [finding.told for finding in draft.findings if finding.usual]
    assert "names end2end.param with precision INT8, but it is the float net" in texts[0]
    assert "The int8 net by its content: work_dir/end2end_int8.param (1 quantized layers)" in texts[0]
    return texts[1:]


def nets(folder: Path) -> dict[str, Any]:
    return {
        "fp32": {"param": str(folder / "end2end.param"), "bin": str(folder / "end2end.bin")},
        "int8": {"param": str(folder / "end2end_int8.param"), "bin": str(folder / "end2end_int8.bin")},
    }


def test_a_classifier_of_0x(folder: Path) -> None:
    (folder / "end2end.table").write_text("conv_param_0 1\nconv 1\n")
    draft = describe(folder, exports.classifier("0.x", classes=4), "0.x")
    expected = nets(folder)
    expected["int8"]["table"] = str(folder / "end2end.table")
    assert draft.entry == {
        **expected,
        "task": "classification",
        "input": {"blob": "data", "size": [224, 224], "color": "rgb", "mean": exports.MEAN, "std": exports.STD},
        "output": "prob",
        "preprocess": {
            "resize": {"short_side": 256, "rounding": "truncate"},
            "crop": [224, 224],
            "backend": "opencv",  # 0.x writes the key when it is another
        },
    }
    assert fatal(draft) == []
    assert notes(draft) == []
    assert remarks(draft) == [
        "work_dir/pipeline.json names no backend of Resize: taken is opencv, the default of mmcls and mmcv, since "
        "mmdeploy 0.x writes the key where it is another; write `preprocess.backend` in the zoo file to settle it"
    ]


def test_a_classifier_of_1x_has_lost_what_resizes(folder: Path) -> None:
    draft = describe(folder, exports.classifier(classes=4))
    assert draft.entry["preprocess"]["backend"] == "pillow"
    (note,) = notes(draft)
    assert note.startswith("work_dir/pipeline.json does not say what resizes: mmdeploy 1.x drops `backend`")
    assert note.endswith("write `preprocess.backend` in the zoo file to settle it")


@pytest.mark.parametrize(
    ("step", "backend"), [("backend='pillow'", "pillow"), ("backend='cv2', edge='short'", "opencv"), ("", "opencv")]
)
def test_the_training_config_tells_it_where_it_can_be_read(folder: Path, step: str, backend: str) -> None:
    base = f"test_pipeline = [dict(type='LoadImageFromFile'), dict(type='ResizeEdge', scale=256, {step})]\n"
    (folder / "base.py").write_text(base)
    (folder / "x.py").write_text("_base_ = ['./base.py']\n")
    draft = describe(folder, exports.classifier(classes=4))
    assert draft.entry["preprocess"]["backend"] == backend
    assert notes(draft) == []


@pytest.mark.parametrize("step", ["interpolation='bicubic'", "backend='tensorflow'", "edge='long'"])
def test_the_training_config_tells_of_another_resize(folder: Path, step: str) -> None:
    (folder / "x.py").write_text(f"test_pipeline = [dict(type='ResizeEdge', scale=256, {step})]\n")
    (problem,) = fatal(describe(folder, exports.classifier(classes=4)))
    assert problem.startswith("work_dir/x.py resizes with {'type': 'ResizeEdge', 'scale': 256, ")


@pytest.mark.parametrize(
    "text",
    ["import os\ntest_pipeline = os.environ['P']\n", "(", "", "test_pipeline = 3\n", "_base_ = './gone.py'\n"],
)
def test_a_training_config_that_does_not_tell(folder: Path, text: str) -> None:
    (folder / "x.py").write_text(text)
    assert "does not say what resizes" in notes(describe(folder, exports.classifier(classes=4)))[0]


@pytest.mark.parametrize(("written", "expected"), [("pillow", "pillow"), ("cv2", "opencv")])
def test_what_resizes_where_it_is_written(folder: Path, written: str, expected: str) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    transforms[1]["backend"] = written
    draft = describe(folder, (name, transforms, after), "0.x")
    assert draft.entry["preprocess"]["backend"] == expected
    assert notes(draft) == []


@pytest.mark.parametrize(
    ("generation", "resize", "expected"),
    [
        ("0.x", {"size": 8}, [8, 8]),
        ("0.x", {"size": [6, 8]}, [8, 6]),  # height first
        ("1.x", {"size": [8, 6]}, [8, 6]),
    ],
)
def test_a_resize_of_both_sides(folder: Path, generation: str, resize: Any, expected: list[int]) -> None:
    name, transforms, after = exports.classifier(generation, classes=4)
    transforms[1:3] = [{"type": "Resize", **resize}]
    draft = describe(folder, (name, transforms, after), generation)
    assert draft.entry["preprocess"]["resize"] == {"size": expected}
    assert draft.entry["input"]["size"] == expected
    assert fatal(draft) == []


def test_an_image_that_is_not_resized(folder: Path) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    del transforms[1:3]
    transforms[1] = {**exports.NORMALIZE, "mean": [125.307, 122.961, 113.8575], "to_rgb": False}
    draft = describe(folder, (name, transforms, after), "0.x")
    assert draft.entry["preprocess"] == {}
    assert "size" not in draft.entry["input"]
    assert draft.entry["input"]["color"] == "bgr"
    (note,) = notes(draft)
    assert "its means [125.307, 122.961, 113.8575] look like those of red, green, blue" in note
    assert note.endswith("write `input.color` in the zoo file to settle it")
    draft = describe_folder(folder, dataset_type="cifar10")
    assert draft.entry["input"]["color"] == "rgb"
    assert "because CIFAR-10 is stored as RGB" in notes(draft)[0]


def test_the_other_order_of_colours_and_gray(folder: Path) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    transforms[3] = {"type": "Normalize", "mean": [104, 117, 123], "std": [1, 1, 1], "to_rgb": False}
    draft = describe(folder, (name, transforms, after), "0.x")
    assert draft.entry["input"] == {
        "blob": "data",
        "size": [224, 224],
        "color": "bgr",
        "mean": [104.0, 117.0, 123.0],
        "std": [1.0] * 3,
    }
    assert notes(draft) == []
    transforms[3] = {"type": "Normalize", "mean": [33.46], "std": [78.87], "to_rgb": False}
    draft = describe(folder, (name, transforms, after), "0.x")
    assert draft.entry["input"]["color"] == "gray"


@pytest.mark.parametrize(
    ("transform", "says"),
    [
        ({"type": "EfficientNetCenterCrop", "crop_size": 224}, "has the transform EfficientNetCenterCrop, which the"),
        ({"type": "CenterCrop", "crop_size": 8, "efficientnet_style": True}, "crops in the style of EfficientNet"),
        ({"type": "CenterCrop", "crop_size": None}, "crops with {'type': 'CenterCrop', 'crop_size': None}"),
        ({"type": "Resize", "size": [256, -1], "interpolation": "bicubic"}, "resizes with interpolation bicubic"),
        ({"type": "Resize", "size": [256, -1], "backend": "tensorflow"}, "resizes with the backend tensorflow"),
        ({"type": "Resize", "scale_factor": 2}, "resizes with {'type': 'Resize', 'scale_factor': 2}"),
        ({"type": "Resize", "size": [256, -1], "adaptive_side": "long"}, "resizes the side 'long', which"),
        ({"type": "Pad", "size_divisor": 32}, "has the transform Pad"),
        (
            {"type": "Normalize", "mean": [1, 2], "std": [1, 2]},
            "normalizes with mean: [1, 2] (list), std: [1, 2] (list); expected 1 or 3 numbers each",
        ),
        (
            {"type": "Normalize", "mean": "x"},
            "normalizes with mean: 'x' (str), std: nothing; expected 1 or 3 numbers each",
        ),
    ],
)
def test_what_this_preprocessing_does_not_do(folder: Path, transform: exports.Json, says: str) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    kinds = [one["type"] for one in transforms]
    if transform["type"] in kinds:
        transforms[kinds.index(transform["type"])] = transform
    else:
        transforms.insert(2, transform)
    (problem,) = fatal(describe(folder, (name, transforms, after), "0.x"))
    assert problem.startswith(f"work_dir/pipeline.json {says}")
    assert problem.partition("; write ")[2] in (
        "`preprocess` in the zoo file to settle it",
        "`input.mean`, `input.std` in the zoo file to settle it",
    )


def test_keys_of_transforms_that_are_not_read(folder: Path) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    transforms[1] |= {"clip_object_border": True, "multiscale_mode": None}
    (note,) = notes(describe(folder, (name, transforms, after), "0.x"))
    assert note == (
        "work_dir/pipeline.json: clip_object_border: True of Resize is not read; write `preprocess` in the zoo file to "
        "settle it"
    )


@pytest.mark.parametrize("keys", [{"size_divisor": None}, {"pad_val": 255}, {"pad_to_square": True}, {"size": [8, 8]}])
def test_paddings_that_are_not_done(folder: Path, keys: exports.Json) -> None:
    six_channels(folder)
    name, transforms, after = exports.text_detector()
    transforms[3] |= keys
    (problem,) = fatal(describe(folder, (name, transforms, after)))
    assert problem.startswith("work_dir/pipeline.json pads with {'type': 'Pad', 'size_divisor': ")


def test_order_and_number_of_transforms(folder: Path) -> None:
    name, transforms, after = exports.classifier("0.x", classes=4)
    transforms[1], transforms[2] = transforms[2], transforms[1]
    (problem,) = fatal(describe(folder, (name, transforms, after), "0.x"))
    assert "has its transforms in the order CenterCrop, Resize" in problem
    transforms[1:3] = [transforms[2], transforms[2]]
    problems = fatal(describe(folder, (name, transforms, after), "0.x"))
    assert "has the transform Resize twice" in problems[0]
    del transforms[3]
    assert "has no Normalize" in fatal(describe(folder, (name, transforms, after), "0.x"))[-1]


def test_pan_of_0x(folder: Path) -> None:
    """Its one threshold is called min_text_avg_confidence; sizes are written with the height first."""
    six_channels(folder)
    task = exports.text_detector("0.x", text_repr_type="quad", min_text_avg_confidence=0.8, unheard_of=1)
    draft = describe(folder, task, "0.x")
    assert draft.entry["task"] == "text-detection"
    assert draft.entry["preprocess"] == {"resize": {"keep_ratio": [1333, 736]}, "pad_divisor": 32}
    assert draft.entry["postprocess"] == {
        "decoder": "pan",
        "profile": "mmocr-0.x",
        "text_repr_type": "quad",
        "min_text_avg_confidence": 0.8,
    }
    assert draft.entry["metric"] == {"hmean": {"profile": "mmocr-0.x"}}
    assert "size" not in draft.entry["input"]
    assert notes(draft) == ["work_dir/pipeline.json has the parameter unheard_of: 1 of pan, which is not read"]


def six_channels(folder: Path, channels: int = 6) -> None:
    """Give both nets another number of outputs."""
    for name in ("end2end", "end2end_int8"):
        param = folder / f"{name}.param"
        changed, count = re.subn(r"0=\d+ 1=1 5=1 6=\d+", f"0={channels} 1=1 5=1 6={3 * channels}", param.read_text())
        assert count == 1
        param.write_text(changed)


@pytest.mark.parametrize(("dataset", "shape"), [("icdar2015", "quad"), ("ctw1500", "poly"), (None, "quad")])
def test_pan_of_1x_has_lost_its_parameters(folder: Path, dataset: str | None, shape: str) -> None:
    six_channels(folder)
    draft = describe(folder, exports.text_detector(), dataset_type=dataset)
    assert draft.entry["preprocess"] == {"resize": {"short_side": 736, "rounding": "round"}, "pad_divisor": 32}
    assert draft.entry["postprocess"] == {"decoder": "pan", "profile": "mmocr-1.x", "text_repr_type": shape}
    assert draft.entry["metric"] == {"hmean": {"profile": "mmocr-1.x"}}
    (note,) = notes(draft)
    assert "has no parameters of pan's postprocessing, since mmdeploy 1.x leaves them out" in note
    assert note.endswith("write `postprocess.text_repr_type` in the zoo file to settle it")


@pytest.mark.parametrize(("head", "channels"), [("PANHead", 6), ("TextSnakeHead", 5), ("DBHead", 1)])
def test_a_text_detector_of_another_number_of_channels(folder: Path, head: str, channels: int) -> None:
    """The nets have 4."""
    draft = describe(folder, exports.text_detector(head=head))
    (problem,) = fatal(draft)
    assert f"describes a network of {channels} output channels, but work_dir/end2end.param has 4: it is" in problem
    assert "preprocess" not in draft.entry


def test_db_and_textsnake(folder: Path) -> None:
    six_channels(folder, 1)
    db = {"mask_thr": 0.2, "min_text_score": 0.4, "min_text_width": 3, "max_candidates": 100}
    draft = describe(folder, exports.text_detector("0.x", head="DBHead", **db), "0.x")
    assert draft.entry["postprocess"] == {
        "decoder": "db",
        "profile": "mmocr",
        "mask_threshold": 0.2,
        "box_threshold": 0.4,
        "min_size": 3,
        "max_candidates": 100,
        "box": "poly",  # the default of mmocr's class
    }
    six_channels(folder, 5)
    draft = describe(folder, exports.text_detector(head="TextSnakeHead"))
    assert draft.entry["preprocess"]["resize"] == {"keep_ratio": [1333, 736]}
    assert draft.entry["postprocess"] == {"decoder": "textsnake", "profile": "mmocr-1.x"}
    assert notes(draft) == []


def test_heads_that_have_no_decoder(folder: Path) -> None:
    (problem,) = fatal(describe(folder, exports.text_detector(head="FCEHead")))
    assert "names the head FCEHead; decoders are known for PANHead, TextSnakeHead, DBHead" in problem


def test_a_short_scale_that_is_random(folder: Path) -> None:
    six_channels(folder)
    name, transforms, after = exports.text_detector()
    del transforms[1]["ratio_range"]
    assert "resizes with {'type': 'ShortScaleAspectJitter'" in fatal(describe(folder, (name, transforms, after)))[0]


def test_a_pose_net_of_1x(folder: Path) -> None:
    draft = describe(folder, exports.pose_detector(size=(192, 256)))
    assert draft.entry["task"] == "keypoints"
    assert draft.entry["input"]["size"] == [192, 256]
    assert draft.entry["preprocess"] == {"padding": 1.25}
    assert draft.entry["postprocess"] == {
        "decoder": "heatmap",
        "profile": "mmpose-1.x",
        "heatmap_size": [48, 64],
        "refine": "shift",
        "flip_test": False,
    }
    assert "metric" not in draft.entry
    assert notes(draft) == []
    (note,) = remarks(draft)
    assert "cannot tell the flip_test of the training config: mmdeploy 1.x always writes false" in note


def test_a_pose_net_of_0x(folder: Path) -> None:
    """flip_test comes from the training config there, and results had no box."""
    draft = describe(folder, exports.pose_detector("0.x"), "0.x")
    assert draft.entry["postprocess"] == {
        "decoder": "heatmap",
        "profile": "mmpose-0.x",
        "refine": "shift",
        "flip_test": False,
    }
    assert draft.entry["metric"] == {"AP": {"bbox_in_results": False}}
    assert "has flip_test: true from the training config, but an exported net is run once" in notes(draft)[0]
    assert notes(describe(folder, exports.pose_detector("0.x", flip_test=False), "0.x")) == []


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"unbiased": True, "blur_kernel_size": 17}, {"refine": "dark", "blur_kernel": 17}),
        ({"type": "UDPHeatmap", "use_udp": True}, {"refine": "udp"}),
        ({"post_process": None}, {"refine": "none"}),
    ],
)
def test_refinements(folder: Path, params: Any, expected: Any) -> None:
    draft = describe(folder, exports.pose_detector(**params))
    assert expected.items() <= draft.entry["postprocess"].items()
    assert ("udp" in draft.entry["preprocess"]) == (expected["refine"] == "udp")
    assert fatal(draft) == []


def test_simcc(folder: Path) -> None:
    task = exports.pose_detector(type="SimCCLabel", simcc_split_ratio=3.0, sigma=[4.9, 5.66], use_dark=True)
    task[2]["component"] = "SimCCLabelDecode"
    draft = describe(folder, task)
    assert draft.entry["postprocess"] == {
        "decoder": "simcc",
        "split_ratio": 3.0,
        "refine": "dark",
        "sigma": [4.9, 5.66],
        "flip_test": False,
    }
    task[2]["params"]["export_postprocess"] = True
    assert "export_postprocess: the net gives keypoints" in fatal(describe(folder, task))[0]


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"type": "MegviiHeatmap", "post_process": "megvii"}, "decodes Megvii heatmaps, for which there is no decoder"),
        ({"type": "UDPHeatmap", "heatmap_type": "combined"}, "decodes combined targets"),
        ({"post_process": "cubist"}, "has post_process: 'cubist', which is not known"),
    ],
)
def test_pose_decoders_that_are_not_there(folder: Path, params: Any, says: str) -> None:
    assert says in fatal(describe(folder, exports.pose_detector(**params)))[0]


def test_a_pose_head_that_is_not_known(folder: Path) -> None:
    task = exports.pose_detector()
    task[2]["component"] = "DeepposeRegressionHeadDecode"
    assert "decodes with DeepposeRegressionHeadDecode; known are heatmaps" in fatal(describe(folder, task))[0]


def test_another_network(folder: Path) -> None:
    draft = describe(folder, exports.classifier())
    (problem,) = fatal(draft)
    assert problem == (
        "work_dir/pipeline.json describes a network of 1000 classes, but work_dir/end2end.param has 4: it is about "
        "another network, so nothing of its preprocessing is taken; write `preprocess`, `input.mean`, `input.std` in "
        "the zoo file to settle it"
    )
    assert "preprocess" not in draft.entry
    assert draft.entry["input"] == {"blob": "data"}
    (problem,) = fatal(describe(folder, exports.text_detector()))
    assert "describes a network of 6 output channels, but work_dir/end2end.param has 4" in problem


def test_the_real_folder() -> None:
    """Its JSON files are those of an ImageNet net, its nets those of a CIFAR-10 net, and its weights are not there."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    draft = describe_folder(SHARED)
    texts = fatal(draft)
    assert [text.rpartition("mmdeploy-resnet18/")[0] != "" for text in texts] == [True] * 3
    assert "end2end.bin does not exist; expected the weights of end2end.param there" in texts[0]
    assert "end2end_int8.bin does not exist" in texts[1]
    assert "describes a network of 1000 classes, but " in texts[2]
    assert "end2end.param has 10: it is about another network" in texts[2]
    (note,) = [finding.text for finding in draft.findings if not finding.fatal]
    assert "names end2end.param with precision INT8, but it is the float net" in note
    assert "end2end_int8.param (21 quantized layers)" in note
    assert draft.entry["task"] == "classification"
    assert (draft.entry["input"], draft.entry["output"]) == ({"blob": "input"}, "output")
    assert Path(draft.entry["int8"]["table"]).name == "end2end.table"


# What can be wrong with a folder.


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def test_a_folder_without_anything_of_mmdeploy(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^work_dir holds neither deploy\.json nor pipeline\.json; expected the work"
    ):
        describe_folder(folder)
    with pytest.raises(ConfigError, match=r"^nowhere does not exist; expected the work_dir of an mmdeploy export$"):
        describe_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^file is not a folder"):
        describe_folder(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "says", "settled_by"),
    [
        ("deploy.json", "work_dir/deploy.json does not exist, and with it the task", "`task`"),
        (
            "pipeline.json",
            "work_dir/pipeline.json does not exist, and with it the preprocessing",
            "`preprocess`, `input.mean`, `input.std`",
        ),
        ("end2end.bin", "work_dir/end2end.bin does not exist; expected the weights of end2end.param there", "`fp32`"),
        ("end2end_int8.bin", "work_dir/end2end_int8.bin does not exist; expected", "`int8`"),
        ("end2end.param", "work_dir has no single float net: expected end2end.param, found none", "`fp32`"),
        ("end2end_int8.param", "work_dir has no int8 net: no .param in it has a quantized layer", "`int8`"),
    ],
)
def test_a_missing_file(folder: Path, name: str, says: str, settled_by: str) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("data", ["prob"]))
    (folder / name).unlink()
    (problem,) = fatal(describe_folder(folder))
    assert problem.startswith(says)
    assert problem.endswith(f"write {settled_by} in the zoo file to settle it")


def test_a_missing_deploy_file_and_a_task_of_the_zoo_file(folder: Path) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("data", ["prob"]))
    (folder / "deploy.json").unlink()
    draft = describe_folder(folder, task="classification")
    assert draft.entry["preprocess"]["crop"] == [224, 224]
    assert all(finding.is_settled({"task": "classification"}) for finding in draft.findings if finding.fatal)
    (folder / "detail.json").unlink()
    assert (
        "neither tells which mmdeploy wrote work_dir/pipeline.json"
        in fatal(describe_folder(folder, task="classification"))[-1]
    )


def test_a_missing_detail_file(folder: Path) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("data", ["prob"]))
    (folder / "detail.json").unlink()
    draft = describe_folder(folder)
    assert draft.entry["output"] == "prob"
    assert fatal(draft) == []
    assert any("detail.json does not exist: the output blob is looked up" in note.text for note in draft.findings)


@pytest.mark.parametrize("version", ["2.0.0", "", "banana"])
def test_json_of_another_version(folder: Path, version: str) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x")
    exports.change(folder / "deploy.json", lambda data: data.update(version=version))
    with pytest.raises(ConfigError) as caught:
        describe_folder(folder)
    assert str(caught.value) == (
        f"work_dir/deploy.json: written by mmdeploy {version!r}; the files of 0.x and 1.x are known, of others nothing "
        "is guessed: write the model's keys in the zoo file instead of `mmdeploy`"
    )


def test_files_of_two_exports(folder: Path) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("data", ["prob"]))
    exports.change(folder / "detail.json", lambda data: data.update(version="1.2.0"))
    draft = describe_folder(folder)
    assert draft.findings[0].text == (
        "work_dir/deploy.json is of mmdeploy 0.6.0 and work_dir/detail.json of 1.2.0: files of two exports"
    )
    assert draft.entry["preprocess"]["backend"] == "opencv", "deploy.json decides"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("deploy.json", "{", "work_dir/deploy.json is not JSON: Expecting property name"),
        (
            "deploy.json",
            "[]",
            "work_dir/deploy.json is not as mmdeploy 0.x and 1.x write it: the file: found [] (list)",
        ),
        ("deploy.json", '{"version": "0.6.0", "task": "Classifier"}', "write it: models: is missing"),
        (
            "pipeline.json",
            '{"pipeline": {"tasks": []}}',
            "write it: pipeline.tasks: found [] (list), expected 1 or more",
        ),
        (
            "detail.json",
            '{"onnx_config": {"output_names": "x"}}',
            "write it: onnx_config.output_names: found 'x' (str)",
        ),
    ],
)
def test_json_that_is_something_else(folder: Path, name: str, text: str, says: str) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x")
    (folder / name).write_text(text)
    with pytest.raises(ConfigError) as caught:
        describe_folder(folder)
    assert says in str(caught.value)


def test_a_task_and_a_backend_that_are_not_evaluated(folder: Path) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("data", ["prob"]))
    exports.change(folder / "deploy.json", lambda data: data.update(task="Restorer"))
    exports.change(folder / "deploy.json", lambda data: data["models"][0].update(backend="tensorrt"))
    exports.change(folder / "deploy.json", lambda data: data["models"].append(data["models"][0]))
    assert fatal(describe_folder(folder)) == [
        "work_dir/deploy.json lists 2 nets, expected one",
        "work_dir/deploy.json is an export for tensorrt, expected ncnn",
        "work_dir/deploy.json has the task Restorer, expected one of Classifier, TextDetector, "
        "PoseDetector, Detector, Segmentor, TextRecognizer",
    ]


def test_two_int8_candidates(folder: Path) -> None:
    tiny.write_net(folder, "end2end_int8_kl", int8=True)
    (problem,) = fatal(describe(folder, exports.classifier("0.x", classes=4), "0.x"))
    assert problem == (
        "work_dir has 2 int8 nets, expected one: end2end_int8.param, end2end_int8_kl.param; write `int8` in the zoo "
        "file to settle it"
    )


def test_the_float_net_has_another_name(folder: Path) -> None:
    for suffix in (".param", ".bin"):
        (folder / f"end2end{suffix}").rename(folder / f"net{suffix}")
    draft = describe(folder, exports.classifier("0.x", classes=4), "0.x")
    assert draft.entry["fp32"]["param"] == str(folder / "net.param")
    assert "names end2end.param, which is not there: taken as fp32 is work_dir/net.param" in draft.findings[0].text
    shutil.copy(folder / "end2end_int8.param", folder / "end2end.param")
    (folder / "end2end_int8.param").unlink()
    draft = describe_folder(folder)
    assert "names end2end.param, which is an int8 net" in draft.findings[0].text


def test_precision_int8_without_an_int8_net(folder: Path) -> None:
    """Beside an int8 net it is what every export says; without one it is told."""
    (folder / "end2end_int8.param").unlink()
    draft = describe(folder, exports.classifier("0.x", classes=4), "0.x")
    (note,) = notes(draft)
    assert "names end2end.param with precision INT8" in note
    assert "by its content: none" in note


def test_several_tables_and_a_damaged_net(folder: Path) -> None:
    for name in ("a.table", "b.table"):
        (folder / name).write_text("conv 1\n")
    (folder / "old.param").write_text("7767517\n")
    draft = describe(folder, exports.classifier("0.x", classes=4), "0.x")
    assert "table" not in draft.entry["int8"]
    assert draft.findings[0].text == (
        "work_dir/old.param: truncated after line 1; expected the layer and blob counts: this file is left out"
    )
    assert notes(draft)[-1] == (
        "work_dir has 2 tables, none is taken: a.table, b.table; write `int8.table` in the zoo file to settle it"
    )


def test_blobs_that_the_json_files_get_wrong(folder: Path) -> None:
    exports.write_export(folder, exports.classifier("0.x", classes=4), "0.x", blobs=("input", ["output"]))
    draft = describe_folder(folder)
    assert (draft.entry["input"]["blob"], draft.entry["output"]) == ("data", "prob")
    told = notes(draft)
    assert told[0].startswith("work_dir/pipeline.json names the input input, work_dir/end2end.param has data: taken is")
    assert told[1].startswith(
        "work_dir/detail.json names the outputs output, work_dir/end2end.param has prob, which is"
    )
    for name in ("end2end", "end2end_int8"):
        text = (folder / f"{name}.param").read_text()
        text = (
            text.replace("4 4\n", "5 6\n")
            .replace("Softmax ", "Split s 1 2 pool a b\nSoftmax ")
            .replace("pool prob\n", "a prob\n")
        )
        (folder / f"{name}.param").write_text(text)
    assert fatal(describe_folder(folder)) == [
        "work_dir/end2end.param has the outputs b, prob, expected output; write `output` in the zoo file to settle it"
    ]
