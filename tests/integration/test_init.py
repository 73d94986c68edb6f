"""``pytest-quant init``: from a folder to a zoo file that runs, or that says what is to be filled in."""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_quant.cli import init
from pytest_quant.extending.known import task_names
from pytest_quant.spec.errors import ConfigError
from pytest_quant.zoo.draft import FILL_IN
from pytest_quant.zoo.initial import folders
from tests import exports, tiny, tiny_onnx
from tests.integration.runs import run_quant
from tests.integration.test_existing_zoos import (
    UNUSABLE,
    write_nets,
    write_pose_export,
    write_regression,
    write_text_export,
    write_unusable_onnx,
)
from tests.integration.test_other_tasks import text_zoo

SHARED = Path(__file__).parents[3] / "shared" / "models"


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, without any variable that says where a dataset is."""
    for name in ("IMAGES", "IMAGENET", "CIFAR10", "ICDAR2015", "CTW1500", "COCO"):
        monkeypatch.delenv(f"{name}_ROOT", raising=False)
    return pytester.path


def call(*arguments: str) -> int:
    """Call the subcommand as the command line does."""
    parser = argparse.ArgumentParser()
    init.add_parser(parser.add_subparsers())
    args = parser.parse_args(["init", *arguments])
    status: int = args.run(args)
    return status


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def write_classifier_export(folder: Path, classes: int = tiny.CLASSES) -> None:
    write_nets(folder)
    name, transforms, after = exports.classifier("1.x", crop=tiny.SIDE, short_side=tiny.SIDE, classes=classes)
    transforms[3] = {"type": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3, "to_rgb": True}
    exports.write_export(folder, (name, transforms, after), blobs=("data", ["prob"]))


# A folder that tells everything


def test_an_export_folder(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_classifier_export(folder / "my net")
    assert call("my net") == 0
    out = capsys.readouterr().out
    assert "my net/zoo.quant.yaml: 1 model(s)" in out
    assert "  my-net: ready, with the cases top1, sanity, int8" in out
    assert "the environment variable IMAGES_ROOT is not set: set it to the folder of the dataset `image-list`" in out
    text = (folder / "my net" / "zoo.quant.yaml").read_text()
    assert text.startswith("# Made by `pytest-quant init 'my net'`. Run it with `pytest --quant`")
    assert "    # my net/pipeline.json does not say what resizes: mmdeploy 1.x drops" in text
    assert read(folder / "my net" / "zoo.quant.yaml")["models"] == {
        "my-net": {
            "task": "classification",
            "dataset": "image-list",
            "fp32": {"param": "end2end.param", "bin": "end2end.bin"},
            "int8": {"param": "end2end_int8.param", "bin": "end2end_int8.bin"},
            "input": {"blob": "data", "mean": [127.5] * 3, "std": [127.5] * 3, "color": "rgb", "size": [8, 8]},
            "output": "prob",
            "preprocess": {
                "resize": {"short_side": 8, "rounding": "truncate"},
                "backend": "pillow",
                "crop": [8, 8],
            },
        }
    }
    run = run_quant(pytester)
    assert run.status == 1, "nothing was decided"
    assert "IMAGES_ROOT is not set" in run.cases["my net/zoo.quant.yaml::my-net::top1"]["reason"]
    tiny.write_images(folder)
    monkeypatch.setenv("IMAGES_ROOT", str(folder))
    run = run_quant(pytester)
    assert run.status == 1
    assert run.cases["my net/zoo.quant.yaml::my-net::top1"]["reason"].startswith("drop = 86.67 - 85.00 = 1.67 points")
    assert "notes" not in run.report["models"]["my-net"] if run.report else False, "all is written out"


def test_a_text_detector_and_a_pose_net(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two export folders in one folder."""
    write_text_export(folder)
    (folder / "work_dir").rename(folder / "text")
    (folder / "images").rename(folder / "bars")
    write_pose_export(folder)
    (folder / "work_dir").rename(folder / "pose")
    assert call("--force") == 0
    (folder / "annotations").mkdir()
    (folder / "truth.json").rename(folder / "annotations" / "person_keypoints_val2017.json")
    (folder / "images").rename(folder / "val2017")
    (folder / "bars").rename(folder / "images")
    monkeypatch.setenv("ICDAR2015_ROOT", str(folder))
    monkeypatch.setenv("COCO_ROOT", str(folder))
    run = run_quant(pytester)
    assert run.verdicts["text::hmean"] == "pass"
    assert run.metric("text", "hmean")["fp32"] == 1.0
    assert run.verdicts["pose::require[flip_test]"] == "pass"
    assert run.metric("pose", "AP")["fp32"] > 0.5
    assert read(folder / "zoo.quant.yaml")["defaults"]["tolerance"] == {"hmean": 0.01, "AP": 0.01}


# A folder that leaves something to the user


def test_a_pair_of_nets(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_images(folder)
    tiny.write_net(folder, "tiny")
    tiny.write_net(folder, "tiny-int8", int8=True)
    (folder / "tiny.table").write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    tiny_onnx.write_onnx(folder)
    monkeypatch.setenv("IMAGES_ROOT", str(folder))
    assert call() == 1
    told = capsys.readouterr().out
    assert "  tiny: to be filled in\n    no file tells the size of the image that the net takes: size [wid" in told
    assert "\n    no file tells the preprocessing that the net was trained with: mean and std of" in told
    path = folder / "zoo.quant.yaml"
    assert read(path)["models"]["tiny"] == {
        "task": "classification",
        "dataset": "image-list",
        "fp32": {"param": "tiny.param", "bin": "tiny.bin"},
        "int8": {"param": "tiny-int8.param", "bin": "tiny-int8.bin", "table": "tiny.table"},
        "onnx": "tiny.onnx",
        "input": {"blob": "data", "size": FILL_IN, "mean": FILL_IN, "std": FILL_IN},
        "output": "prob",
    }
    assert "    # guessed from the 4 classes at the end of tiny.param\n    task: classification" in path.read_text()
    run = run_quant(pytester)
    reason = run.cases["tiny::config"]["reason"]
    assert re.fullmatch(
        r"zoo\.quant\.yaml:\d+: models\.tiny: still to be filled in: input\.size, input\.mean, input\.std", reason
    )
    text = path.read_text().replace(f"size: {FILL_IN}", "size: [8, 8]").replace(FILL_IN, "[127.5, 127.5, 127.5]")
    path.write_text(text)
    assert run_quant(pytester, "-W", "ignore").verdicts["tiny::top1"] == "fail", "its drop is 1.67"


@pytest.mark.parametrize("export", [True, False])
@pytest.mark.parametrize(("kind", "says"), UNUSABLE)
def test_an_onnx_file_that_cannot_be_run(folder: Path, kind: str, says: str, export: bool) -> None:
    """It stays as a comment with the reason."""
    if export:
        write_classifier_export(folder / "net")
    else:
        write_nets(folder / "net")
    write_unusable_onnx(folder / "net" / "end2end.onnx", kind)
    call("net")
    path = folder / "net" / "zoo.quant.yaml"
    (entry,) = read(path)["models"].values()
    if kind == "size" and not export:
        assert entry["onnx"] == "end2end.onnx", "the size of the input is still to be filled in"
        return
    assert "onnx" not in entry
    text = re.sub(r"\n    # ", " ", path.read_text())
    assert re.search(rf"Not used: net/end2end\.onnx:? .*{re.escape(says)}.* onnx: end2end\.onnx\s", text)
    assert "lies beside" not in text


@pytest.mark.parametrize(
    ("channels", "end", "task", "decoder"),
    [(17, "ReLU", "keypoints", "heatmap"), (6, "ReLU", "text-detection", "pan"), (1, "Sigmoid", "text-detection", "db"),
     (5, "ReLU", "text-detection", "textsnake"), (9, "ReLU", FILL_IN, None)],
)  # fmt: skip
def test_a_guess_at_the_task(folder: Path, channels: int, end: str, task: str, decoder: str | None) -> None:
    import numpy as np

    from tests.integration.test_other_tasks import write_convolution

    weights, bias = np.ones((channels, 3), np.float32), np.zeros(channels, np.float32)
    write_convolution(folder, "net", weights, bias, end, scale=None)
    assert call() == 1
    entry = read(folder / "zoo.quant.yaml")["models"]["net"]
    assert entry["task"] == task
    assert entry.get("postprocess", {}).get("decoder") == decoder
    assert entry["int8"] == FILL_IN
    text = (folder / "zoo.quant.yaml").read_text()
    assert "FILL IN: no int8 net is called like net.param; found none. `int8: {calibrate: {images: ...}}`" in text


def test_pairs_are_told_apart_by_their_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b_fp32"):
        tiny.write_net(folder, name)
    for name in ("a-int8", "b_int8", "c.int8"):
        tiny.write_net(folder, name, int8=True)
    assert call() == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert {name: model["int8"]["param"] for name, model in models.items()} == {
        "a": "a-int8.param",
        "b_fp32": "b_int8.param",
    }
    assert "left out: c.int8.param: an int8 net, and no float net is like it" in capsys.readouterr().out


def test_an_export_of_another_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_classifier_export(folder / "net", classes=1000)
    assert call("net") == 1
    entry = read(folder / "net" / "zoo.quant.yaml")["models"]["net"]
    assert entry["preprocess"] == FILL_IN
    assert entry["input"] == {"blob": "data", "mean": FILL_IN, "std": FILL_IN}
    assert "net/pipeline.json describes a network of 1000 classes" in capsys.readouterr().out


def test_the_real_models() -> None:
    """Every net of the shared folder is found, with the task and the dataset that it is of."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    from pytest_quant.zoo.initial.look import look

    found = {one.name: (one.draft.entry.get("task"), one.dataset_type) for one in look(SHARED).proposals}
    known = {
        "mmdeploy-resnet18": ("classification", "cifar10"),
        "resnet20": ("classification", "cifar10"),
        "squeezenet": ("classification", "imagenet"),
        "ppocr_det": ("text-detection", "icdar2015"),
        "simplepose": ("keypoints", "coco-keypoints"),
        "espnet": ("semantic-segmentation", "segmentation"),
        "espnet-aciq": ("semantic-segmentation", "segmentation"),
    }
    assert {name: found.get(name) for name in known} == known
    later = {"english_g2", "ppocr_rec_v2", "ppocr_rec_v2-mixed"}, {"yolox_nano", "nanodet_plus_m", "yolo_fastest_xl"}
    for names, task in zip(later, ("text-recognition", "object-detection"), strict=True):
        assert {found[name][0] for name in names} == {task if task in task_names() else None}


# Metafiles and regression files


def write_metafile(folder: Path, **models: tuple[str, dict[str, float]]) -> None:
    entries = [
        {
            "Name": name,
            "Config": f"configs/{name}.py",
            "Results": [{"Task": "x", "Dataset": dataset, "Metrics": metrics}],
        }
        for name, (dataset, metrics) in models.items()
    ]
    (folder / "metafile.yml").write_text(yaml.safe_dump({"Models": entries}))


def test_a_metafile_alone(pytester: pytest.Pytester, folder: Path) -> None:
    write_metafile(
        folder,
        net=("ImageNet-1k", {"Top 1 Accuracy": 70.5}),
        pose=("COCO", {"AP": 0.726}),
        panet=("CTW1500", {"hmean-iou": 0.777}),
        segmentor=("Cityscapes", {"mIoU": 70.0}),
    )
    assert call("metafile.yml") == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert {name: (model["task"], model["dataset"]) for name, model in models.items()} == {
        "net": ("classification", "imagenet"),
        "pose": ("keypoints", "coco-keypoints"),
        "panet": ("text-detection", "ctw1500"),
        "segmentor": ("semantic-segmentation", "segmentation"),
    }
    assert models["segmentor"]["metafile"] == {"path": "metafile.yml", "model": "segmentor", "dataset": "Cityscapes"}
    assert models["net"]["fp32"] == {"param": FILL_IN, "bin": FILL_IN}
    assert models["net"]["metafile"] == {"path": "metafile.yml", "model": "net"}
    assert models["panet"]["postprocess"] == {"decoder": FILL_IN}
    assert (
        run_quant(pytester)
        .cases["net::config"]["reason"]
        .endswith(
            "models.net: still to be filled in: fp32.param, fp32.bin, int8.param, int8.bin, input.blob, input.size, "
            "input.mean, input.std, output"
        )
    )


def test_models_of_a_metafile_that_are_called_the_same(folder: Path) -> None:
    """Config tells them apart, or the line is a comment: it could never be read."""
    results = [{"Task": "x", "Dataset": "ImageNet-1k", "Metrics": {"Top 1 Accuracy": 70.5}}]
    entries = [{"Name": "twice", "Config": f"configs/{name}.py", "Results": results} for name in "abb"]
    (folder / "metafile.yml").write_text(yaml.safe_dump({"Models": entries}))
    assert call("metafile.yml") == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert models["twice"]["metafile"] == {"path": "metafile.yml", "model": "configs/a.py"}
    assert ["metafile" in models[name] for name in ("twice-2", "twice-3")] == [False, False]
    text = (folder / "zoo.quant.yaml").read_text()
    assert text.count("neither Name nor Config nor Alias") == 2
    assert text.count("    # metafile: {path: metafile.yml, model: twice}\n") == 2


def test_pose_numbers_with_flip_are_not_called_compared(folder: Path, pytester: pytest.Pytester) -> None:
    write_pose_export(folder)
    write_metafile(folder, x=("COCO", {"AP": 0.726}))
    assert call("--force") == 0
    assert "metafile" not in read(folder / "zoo.quant.yaml")["models"]["work_dir"]
    text = re.sub(r"\n    # ", " ", (folder / "zoo.quant.yaml").read_text())
    assert "Published for fp32: AP 0.726. Not compared: published with flip_test (as mmpose publishes), eval" in text
    assert "metafile: {path: metafile.yml, model: x}" in text


def test_a_number_that_a_zoo_file_would_refuse(folder: Path) -> None:
    write_classifier_export(folder / "net")
    write_metafile(folder, x=("Colours", {"Top 1 Accuracy": 948.2, "Top 5 Accuracy": 99.0}))
    assert call() == 0
    assert "metafile" not in read(folder / "zoo.quant.yaml")["models"]["net"]
    text = re.sub(r"\n    # ", " ", (folder / "zoo.quant.yaml").read_text())
    assert re.search(
        r"Published numbers are not used: metafile\.yml:\d+: Top 1 Accuracy of x on Colours: found 948", text
    )
    assert "Published for fp32" not in text


def test_metafiles_that_are_none_or_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_classifier_export(folder / "net")
    (folder / "index.yml").write_text("Import: [gone.yml]\n")
    (folder / "itself.yml").write_text("Import: [itself.yml]\n")
    (folder / "empty").write_text("")
    assert call("--metafile", "index.yml") == 0
    out = capsys.readouterr().out
    assert out.count("left out: index.yml: gone.yml does not exist") == 1
    assert "left out: itself.yml is not a metafile: it imports itself" in out
    for name in ("itself.yml", "empty"):
        with pytest.raises(ConfigError, match=f"{name} is not a metafile"):
            call("--force", "--metafile", name)


def test_a_metafile_beside_its_net(
    pytester: pytest.Pytester, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The export folder is matched by the config file that its detail.json names, which is called x.py."""
    write_classifier_export(folder / "net")
    write_metafile(folder, x=("Colours", {"Top 1 Accuracy": 86.7}), y=("Colours", {"Top 1 Accuracy": 12.0}))
    assert call() == 0
    text = (folder / "zoo.quant.yaml").read_text()
    assert "    # Published for fp32: top1 86.7, on Colours: remove the line if your images are others" in text
    assert read(folder / "zoo.quant.yaml")["models"]["net"]["metafile"] == {
        "path": "metafile.yml",
        "model": "x",
        "dataset": "Colours",
    }
    tiny.write_images(folder)
    monkeypatch.setenv("IMAGES_ROOT", str(folder))
    assert run_quant(pytester).verdicts["net::published[fp32.top1]"] == "pass"


def test_published_numbers_of_another_dataset(folder: Path) -> None:
    write_classifier_export(folder / "net")
    write_metafile(folder, x=("Colours", {"mAP": 86.7}), y=("Colours", {"Top 1 Accuracy": 12.0}))
    assert call() == 0
    assert "metafile" not in read(folder / "zoo.quant.yaml")["models"]["net"], "x has no result that is known here"
    write_nets(folder / "y")
    write_metafile(folder, y=("CIFAR-10", {"Top 5 Accuracy": 12.0}), z=("X", {}))
    assert call("--force") == 1


def test_a_regression_file(folder: Path) -> None:
    info = {
        "Top 1 Accuracy": {"metric_key": "accuracy/top1", "tolerance": 2},
        "Top 5 Accuracy": {"metric_key": "accuracy/top5", "tolerance": 15},
    }
    (folder / "elsewhere").mkdir()
    write_regression(folder / "elsewhere", **info)
    write_regression(folder, **{"hmean-iou": {"metric_key": "icdar/hmean", "tolerance": 0.15}})
    write_classifier_export(folder / "net")
    assert call("--regression", "elsewhere/regression.yml") == 0
    text = (folder / "zoo.quant.yaml").read_text()
    assert "    top1: 2.0  # percentage points\n" in text
    assert "    # Refused: found 15, which is 15 % of the range 0 to 100: probably a unit mistake." in text
    assert "    # top5: 15.0  # percentage points\n" in text
    assert "    # Not used: regression.yml:2: globals.metric_info: has hmean-iou, none of which is a metric" in text
    assert read(folder / "zoo.quant.yaml")["defaults"] == {"tolerance": {"top1": 2.0}}


def test_a_refused_tolerance_of_a_text_detector(folder: Path) -> None:
    """mmocr's own 0.15 is fifteen points of hmean."""
    text_zoo(folder, tiny.GOOD_SCALE)
    write_regression(folder, **{"hmean-iou": {"metric_key": "icdar/hmean", "tolerance": 0.15}})
    assert call("--force") == 1
    text = (folder / "zoo.quant.yaml").read_text()
    assert "globals.metric_info.hmean-iou.tolerance: 0.15 (of a" in text
    assert "    # hmean: 0.15  # of 1" in text
    assert read(folder / "zoo.quant.yaml")["defaults"] == {"tolerance": {"hmean": 0.01}}


# What can be wrong


def test_an_existing_file_is_kept(folder: Path) -> None:
    write_classifier_export(folder / "net")
    path = folder / "net" / "zoo.quant.yaml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match=r"^net/zoo\.quant\.yaml exists already; --force overwrites it$"):
        call("net")
    assert path.read_text() == "mine"
    assert call("net", "--force") == 0
    assert path.read_text() != "mine"
    assert call("net", "-o", "other.quant.yaml") == 0
    assert read(folder / "other.quant.yaml")["models"]["net"]["fp32"]["param"] == "net/end2end.param"
    with pytest.raises(ConfigError, match=r"found zoo\.yaml, expected a name that ends in \.quant\.yaml"):
        call("net", "-o", "zoo.yaml")


def test_nothing_to_be_found(folder: Path) -> None:
    (folder / "compose.yml").write_text("services: {}\n")
    (folder / "broken.yml").write_text("a: [\n")
    (folder / "damaged.param").write_text("7767517\n")
    with pytest.raises(ConfigError) as caught:
        call()
    first, second = str(caught.value).splitlines()
    assert "no export folder of mmdeploy, no net (.param, .onnx, .xml, .tflite) and no metafile, neither in it" in first
    assert "damaged.param: truncated after line 1" in second
    with pytest.raises(ConfigError, match=r"^nowhere does not exist$"):
        call("nowhere")
    with pytest.raises(ConfigError, match=r"^gone\.yml: cannot be read"):
        call("--metafile", "gone.yml")
    assert not (folder / "zoo.quant.yaml").exists()


def test_what_cannot_be_used_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_classifier_export(folder / "a")
    write_classifier_export(folder / "b")
    (folder / "b" / "deploy.json").write_text("{")
    write_classifier_export(folder / "c")
    exports.change(folder / "c" / "deploy.json", lambda data: data["models"][0].update(backend="tensorrt"))
    assert call() == 0
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["a"]
    out = capsys.readouterr().out
    assert "left out: b/deploy.json is not JSON" in out
    assert "left out: c: c/deploy.json is an export for tensorrt, expected ncnn" in out
    assert "# Left out: b/deploy.json is not JSON" in (folder / "zoo.quant.yaml").read_text()


def test_folders_further_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The work_dirs of mmdeploy are nested; what is called the same gets the name of its folder."""
    for place in ("a/b/c/d", "mmpretrain/resnet/ncnn_int8", "mmpretrain/mobilenet/ncnn_int8", ".git/x", "a/b/c/d/e"):
        (folder / place).mkdir(parents=True, exist_ok=True)
        write_classifier_export(folder / place)
    (folder / "a" / "back").symlink_to(folder)
    assert call() == 0
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["mobilenet-ncnn_int8", "resnet-ncnn_int8", "d", "e"]
    assert "left out" not in capsys.readouterr().out


def test_too_many_folders(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a/x", "b/x", "c/x"):
        (folder / name).parent.mkdir()
        write_classifier_export(folder / name)
    monkeypatch.setattr(folders, "MAX_FOLDERS", 5)
    assert call() == 0
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["x"]
    assert "left out: .: has more than 5 folders, those from b/x on were not looked at" in capsys.readouterr().out


def test_names_are_unique_and_legal(folder: Path) -> None:
    for name in ("net one", "net-one", "-.x", "2015", "no"):
        write_classifier_export(folder / name)
    assert call() == 0
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["x", "2015", "net-one", "net-one-2", "no"]


def test_the_documentation_shows_what_is_written(pytester: pytest.Pytester, folder: Path) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    shutil.copytree(SHARED / "mmdeploy-resnet18", folder / "real")
    text = (Path(__file__).parents[2] / "docs" / "existing-zoos.md").read_text(encoding="utf-8")
    shown = text[text.rindex("```yaml\n") + 8 :].partition("```")[0]
    call("real", "-o", "other.quant.yaml")
    assert call("real") == 1
    written = (folder / "real" / "zoo.quant.yaml").read_text()
    assert written.endswith(shown)
    entry = {"mmdeploy": "real", "dataset": "cifar10", "tolerance": {"top1": 1.0}}
    datasets = {"cifar10": {"type": "cifar10", "root": "."}}
    tiny.write_zoo(folder, {"resnet18-cifar10": entry}, datasets=datasets)
    reason = run_quant(pytester, "zoo.quant.yaml").cases["resnet18-cifar10::config"]["reason"]
    without_line = re.sub(r"(?m)^zoo\.quant\.yaml:\d+", "zoo.quant.yaml", reason)
    assert without_line in re.sub(r"(?m)^zoo\.quant\.yaml:\d+", "zoo.quant.yaml", text)


def android_project(folder: Path) -> Path:
    """Where the nets of an Android project lie."""
    assets = folder / "ncnn-android-demo" / "app" / "src" / "main" / "assets"
    assets.mkdir(parents=True)
    return assets


def test_the_nets_of_an_android_project(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assets = android_project(folder)
    for name in ("a-opt", "b-opt"):
        tiny.write_net(assets, name)
        tiny.write_net(assets, name.replace("opt", "int8"), int8=True)
    assert call() == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert {name: Path(entry["int8"]["param"]).name for name, entry in models.items()} == {
        "a-opt": "a-int8.param",
        "b-opt": "b-int8.param",
    }
    told = capsys.readouterr().out
    assert "left out" not in told
    assert (
        told.splitlines()[-1]
        == "next: fill in what is marked FILL IN in zoo.quant.yaml, then: pytest --quant zoo.quant.yaml"
    )


def test_nets_of_two_folders(folder: Path) -> None:
    for place, int8 in (("fp32", False), ("int8", True)):
        (folder / "nets" / place).mkdir(parents=True)
        for name in ("x", "y"):
            tiny.write_net(folder / "nets" / place, name, int8=int8)
    (folder / "nets" / "int8" / "x.table").write_text("conv_param_0 63.5 63.5 63.5 1270\nconv 127\n")
    assert call() == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert {name: (entry["fp32"]["param"], entry["int8"]["param"]) for name, entry in models.items()} == {
        "x": ("nets/fp32/x.param", "nets/int8/x.param"),
        "y": ("nets/fp32/y.param", "nets/int8/y.param"),
    }
    assert models["x"]["int8"]["table"] == "nets/int8/x.table"


def test_nets_are_paired_by_their_layers_whatever_they_are_called(folder: Path) -> None:
    tiny.write_net(folder, "first")
    tiny.write_net(folder, "second")
    text = (folder / "second.param").read_text()
    (folder / "second.param").write_text(text.replace(" conv ", " other "))
    tiny.write_net(folder, "made_on_monday", int8=True)
    assert call() == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert models["first"]["int8"]["param"] == "made_on_monday.param"
    assert models["second"]["int8"] == FILL_IN


def test_two_int8_nets_of_one_float_net_are_two_models(folder: Path) -> None:
    tiny.write_net(folder, "net")
    for name in ("net-int8", "net-aciq-int8"):
        tiny.write_net(folder, name, int8=True)
    assert call() == 1
    models = read(folder / "zoo.quant.yaml")["models"]
    assert {name: entry["int8"]["param"] for name, entry in models.items()} == {
        "net": "net-int8.param",
        "net-aciq": "net-aciq-int8.param",
    }


def test_nets_that_ncnn_refuses_are_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("good", "odd", "old"):
        tiny.write_net(folder, name)
    text = (folder / "odd.param").read_text()
    assert "Pooling" in text
    (folder / "odd.param").write_text(re.sub(r"(Pooling .*) 0=\d", r"\1 0=7", text))
    (folder / "old.param").write_text(
        text.replace("InnerProduct", "Softmax")
        if "Softmax" not in text
        else re.sub(r"(Softmax .*?)( 0=.*)?\n", r"\1 0=1\n", text)
    )
    assert call() == 1
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["good"]
    told = capsys.readouterr().out
    assert "left out: odd.param:" in told
    assert "(Pooling): ncnn" in told
    assert "left out: old.param:" in told
    assert "refuses the file as too old" in told


@pytest.mark.parametrize(
    ("name", "layers", "says"),
    [
        (
            "crnn",
            [
                "Convolution conv 1 1 data c 0=8 1=1 6=24",
                "LSTM lstm 1 1 c l 0=8 1=256",
                "InnerProduct fc 1 1 l prob 0=97 2=776",
            ],
            "text-recognition",
        ),
        ("ch_ppocr_rec", ["InnerProduct fc 1 1 data f 0=6625 2=6625", "Softmax s 1 1 f prob"], "text-recognition"),
        ("mobilefacenet", ["InnerProduct fc 1 1 data prob 0=128 2=128"], "an embedding of 128 numbers"),
        (
            "yolo",
            [
                "Reshape a 1 1 data x 0=-1 1=85",
                "Reshape b 1 1 data y 0=-1 1=85",
                "Concat c 2 1 x y prob 0=1",
            ],
            "object-detection",
        ),
        ("ssd", ["Convolution conv 1 1 data c 0=8 1=1 6=24", "Yolov3DetectionOutput d 1 1 c prob"], "object-detection"),
    ],
)
def test_nets_that_are_no_classifiers(tmp_path: Path, name: str, layers: list[str], says: str) -> None:
    from pytest_quant.zoo.draft import Draft
    from pytest_quant.zoo.initial.guess import put_task
    from pytest_quant.zoo.net_files import find_nets

    lines = ["7767517", f"{len(layers) + 1} {len(layers) + 1}", "Input in 0 1 data", *layers]
    if name == "yolo":
        lines[3:5] = [layers[0].replace("data", "data0"), layers[1].replace("data", "data1")]
        lines.insert(3, "Split s 1 2 data data0 data1")
        lines[1] = "5 6"
    (tmp_path / f"{name}.param").write_text("\n".join([*lines, ""]))
    (net,) = find_nets(tmp_path).float_nets
    draft = Draft()
    put_task(draft, net)
    if says in task_names():
        assert draft.entry["task"] == says
    else:
        assert "task" not in draft.entry
        assert [says in finding.text for finding in draft.findings] == [True]


def test_a_git_lfs_pointer_in_place_of_weights(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_net(folder, "tiny")
    (folder / "tiny.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n")
    assert call() == 1
    assert "tiny.bin is a Git LFS pointer in place of the file: fetch it with `git lfs pull`" in capsys.readouterr().out


def test_a_pose_net_of_another_dataset_is_not_proposed_as_coco(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    from tests.integration.test_other_tasks import write_convolution

    for name in ("animal", "person"):
        write_convolution(folder, name, np.ones((17, 3), np.float32), np.zeros(17, np.float32), "ReLU", scale=None)
    write_metafile(folder, animal=("AP-10K", {"AP": 0.7}), person=("COCO", {"AP": 0.7}))
    assert call() == 1
    assert list(read(folder / "zoo.quant.yaml")["models"]) == ["person"]
    assert "the results of animal are on no dataset that can be read here" in capsys.readouterr().out
