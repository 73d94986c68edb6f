"""Zoo entries filled in from mmdeploy folders, metafiles and regression files, from the file to the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from pytest_quant.report.markdown_text import plain
from tests import exports, tiny, tiny_onnx
from tests.integration.runs import Run, run_quant
from tests.integration.test_other_tasks import pose_zoo, text_zoo, write_convolution
from tests.unit.report.volatile import without_volatile

SHARED = Path(__file__).parents[3] / "shared" / "models" / "mmdeploy-resnet18"


def write_nets(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    tiny.write_net(folder, "end2end")
    tiny.write_net(folder, "end2end_int8", int8=True)


def classifier_zoo(folder: Path, **keys: Any) -> None:
    """A zoo file with the model `tiny`, whose export folder says what to do with an image of 8x8 pixels."""
    tiny.write_images(folder)
    write_nets(folder / "work_dir")
    name, transforms, after = exports.classifier("1.x", crop=tiny.SIDE, short_side=tiny.SIDE, classes=tiny.CLASSES)
    transforms[3] = {"type": "Normalize", "mean": [127.5] * 3, "std": [127.5] * 3, "to_rgb": True}
    exports.write_export(folder / "work_dir", (name, transforms, after), blobs=("data", ["prob"]))
    entry = {"mmdeploy": "work_dir", "dataset": "colours", "tolerance": {"top1": 5.0}} | keys
    tiny.write_zoo(folder, {"tiny": {key: value for key, value in entry.items() if value is not None}})


def changed_zoo(folder: Path, **keys: Any) -> None:
    """Change keys of the only model of the zoo file, or drop them when None."""
    path = folder / "zoo.quant.yaml"
    content = yaml.safe_load(path.read_text())
    (entry,) = content["models"].values()
    entry.update(keys)
    for key in [key for key, value in entry.items() if value is None]:
        del entry[key]
    path.write_text(yaml.safe_dump(content))


def notes(run: Run, model: str) -> list[str]:
    assert run.report is not None
    found: list[str] = run.report["models"][model].get("notes", [])
    return found


def told(run: Run, model: str) -> list[str]:
    """Those of the notes that are printed before the run."""
    return [note for note in notes(run, model) if f"{model}: {note}" in run.text.splitlines()]


# Export folders


def test_a_classifier(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    run = run_quant(pytester, "--quant-report", "report.md")
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    backend, precision = notes(run, "tiny")
    assert precision.startswith("work_dir/deploy.json names end2end.param with precision INT8, but it is the float net")
    assert "does not say what resizes" in backend
    assert told(run, "tiny") == [backend], "what every export has is not news"
    assert f"- tiny: {plain(backend)}" in (pytester.path / "report.md").read_text()
    assert run.report is not None
    assert run.report["models"]["tiny"]["conditions"]["resize_backend"] == "pillow"


def test_it_is_what_the_same_keys_written_out_give(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    filled = run_quant(pytester)
    entry = tiny.model_entry(pytester.path / "work_dir", "end2end", preprocess={"resize": {"short_side": 8}, "crop": 8})
    entry["fp32"] = {key: f"work_dir/{name}" for key, name in entry["fp32"].items()}
    entry["int8"] = {"param": "work_dir/end2end_int8.param", "bin": "work_dir/end2end_int8.bin"}
    tiny.write_zoo(pytester.path, {"tiny": entry})
    written_out = run_quant(pytester)
    assert filled.metric("tiny") == written_out.metric("tiny")


def test_own_keys_win_and_settle_notes(pytester: pytest.Pytester) -> None:
    nets = {"param": "work_dir/end2end_int8.param", "bin": "work_dir/end2end_int8.bin"}
    classifier_zoo(pytester.path, preprocess={"backend": "opencv"}, int8=nets)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    assert notes(run, "tiny") == []
    assert run.report is not None
    assert run.report["models"]["tiny"]["conditions"]["resize_backend"] == "opencv"


def test_notes_in_parallel_and_in_tests_in_python(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    pytester.makepyfile("def test_scores(quant_scores): assert quant_scores.int8.top1 > 50")
    serial, parallel = run_quant(pytester), run_quant(pytester, "-n", "2")
    assert serial.report is not None
    assert parallel.report is not None
    assert without_volatile(serial.report) == without_volatile(parallel.report)
    line = f"tiny: {notes(serial, 'tiny')[0]}"
    for run in (serial, parallel, run_quant(pytester, "-k", "test_scores")):
        assert run.text.count(line) == 1


def test_another_network_is_an_error_until_it_is_settled(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    exports.change(
        pytester.path / "work_dir" / "pipeline.json",
        lambda data: data["pipeline"]["tasks"][2]["params"].update(num_classes=1000),
    )
    case = run_quant(pytester).cases["tiny::config"]
    first, second = case["reason"].splitlines()
    assert first.startswith(
        "zoo.quant.yaml:9: models.tiny.mmdeploy: work_dir/pipeline.json describes a network of 1000 classes, but "
        "work_dir/end2end.param has 4"
    )
    assert "precision INT8" in second, "what was found besides is told too"
    changed_zoo(pytester.path, preprocess={}, input={"size": [8, 8], "mean": [127.5] * 3, "std": [127.5] * 3})
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


def test_a_value_of_the_folder_that_no_key_takes(pytester: pytest.Pytester) -> None:
    """The message names the zoo file and the folder."""
    classifier_zoo(pytester.path)
    exports.change(
        pytester.path / "work_dir" / "pipeline.json",
        lambda data: data["pipeline"]["tasks"][0]["transforms"][3].update(std=[0, 1, 1]),
    )
    first, second, *_ = run_quant(pytester).cases["tiny::config"]["reason"].splitlines()
    assert first.startswith("zoo.quant.yaml:8: models.tiny.input.std.0: found 0.0 (float), expected greater than")
    assert second == "zoo.quant.yaml:9: models.tiny.mmdeploy: keys that do not stand there come from work_dir"


def test_every_problem_of_a_folder_is_told_at_once(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    (pytester.path / "work_dir" / "end2end.bin").unlink()
    tiny.write_net(pytester.path / "work_dir", "other_int8", int8=True)
    reason = run_quant(pytester).cases["tiny::config"]["reason"]
    assert "work_dir/end2end.bin does not exist" in reason
    assert "work_dir has 2 int8 nets, expected one: end2end_int8.param, other_int8.param" in reason


def test_an_int8_net_that_is_made_here(pytester: pytest.Pytester) -> None:
    """The folder has none: the zoo file says how it is calibrated, and all else comes from the folder."""
    classifier_zoo(pytester.path)
    for suffix in (".param", ".bin"):
        (pytester.path / "work_dir" / f"end2end_int8{suffix}").unlink()
    reason = run_quant(pytester).cases["tiny::config"]["reason"]
    assert "work_dir has no int8 net" in reason
    assert "`int8: {calibrate: {images: ...}}` makes one here" in reason
    changed_zoo(pytester.path, int8={"calibrate": {"images": "images"}})
    assert run_quant(pytester).verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::table": "pass"}


def test_the_onnx_file_of_a_folder(pytester: pytest.Pytester) -> None:
    """It is compared with the float net, unless the zoo file says otherwise."""
    classifier_zoo(pytester.path)
    tiny_onnx.write_onnx(pytester.path / "work_dir", "end2end.onnx")
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass", "tiny::onnx[top1]": "pass"}
    assert any("work_dir/end2end.onnx lies beside the net" in note for note in notes(run, "tiny"))
    assert not any("end2end.onnx" in note for note in told(run, "tiny"))
    changed_zoo(pytester.path, onnx="work_dir/end2end.onnx")
    assert not any("end2end.onnx" in note for note in notes(run_quant(pytester), "tiny"))
    text = (pytester.path / "zoo.quant.yaml").read_text()
    (pytester.path / "zoo.quant.yaml").write_text(text.replace("onnx: work_dir/end2end.onnx", "onnx: null"))
    assert run_quant(pytester).verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


PICTURE = Path(__file__).parents[3] / "shared" / "models" / "resnet20-cifar10" / "resnet20.onnx"


def write_unusable_onnx(path: Path, kind: str) -> None:
    """An ONNX file that cannot be run in the place of the net."""
    if kind == "junk":
        path.write_bytes(b"no such thing")
    elif kind == "batch":
        tiny_onnx.write_onnx(path.parent, path.name, shape=(8, 3, tiny.SIDE, tiny.SIDE))
    elif kind == "size":
        tiny_onnx.write_onnx(path.parent, path.name, shape=(1, 3, 224, 224))
    elif kind == "quantized":
        tiny_onnx.write_qdq(path.parent, path.name)
    else:
        if not PICTURE.is_file():
            pytest.skip(f"{PICTURE} is not on this machine")
        path.write_bytes(PICTURE.read_bytes())


UNUSABLE = [
    ("junk", "is not an ONNX file (13 bytes)"),
    ("batch", "fixes the batch to 8"),
    ("size", "fixes width and height to [224, 224]"),
    ("quantized", "is a quantized model"),
    ("picture", "is pnnx's picture of a graph"),
]


@pytest.mark.parametrize(("kind", "says"), UNUSABLE)
def test_an_onnx_file_that_nobody_named_and_that_cannot_be_run(pytester: pytest.Pytester, kind: str, says: str) -> None:
    """The good pair of nets beside it is tested all the same."""
    classifier_zoo(pytester.path)
    path = pytester.path / "work_dir" / "end2end.onnx"
    write_unusable_onnx(path, kind)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    (note,) = [note for note in told(run, "tiny") if "end2end.onnx" in note]
    assert note.startswith("work_dir/end2end.onnx")
    assert says in note
    assert note.endswith("write `onnx` in the zoo file to settle it")
    assert not any("lies beside" in note for note in notes(run, "tiny"))
    changed_zoo(pytester.path, onnx="work_dir/end2end.onnx")
    assert says in run_quant(pytester).cases["tiny::config"]["reason"], "one that is named is an error"


def test_an_onnx_file_without_a_limit_to_compare(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path, tolerance=None, require={"runtime": "reference"})
    assert set(run_quant(pytester).verdicts) == {"tiny::require[runtime]", "tiny::int8"}
    tiny_onnx.write_onnx(pytester.path / "work_dir", "end2end.onnx")
    reason = run_quant(pytester).cases["tiny::config"]["reason"]
    assert "models.tiny.onnx: no limit of the model names a metric" in reason
    assert "`onnx: null` leaves them out" in reason


def test_a_colour_without_its_means(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path, input={"color": "bgr"})
    assert run_quant(pytester).verdicts["tiny::int8"] == "pass", "all means are the same"
    exports.change(
        pytester.path / "work_dir" / "pipeline.json",
        lambda data: data["pipeline"]["tasks"][0]["transforms"][3].update(mean=exports.MEAN),
    )
    assert run_quant(pytester).cases["tiny::config"]["reason"] == (
        "zoo.quant.yaml:14: models.tiny.input.color: found bgr, while the export folder gives mean in the order rgb: "
        "write `input.mean` and `input.std` too, in your order"
    )


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (3, "mmdeploy: found 3 (int), expected the path of a folder"),
        ("nowhere", "mmdeploy: nowhere does not exist; expected the work_dir of an mmdeploy export"),
        ("${QUANT_NOT_SET}", "mmdeploy: the environment variable QUANT_NOT_SET of '${QUANT_NOT_SET}' is not set"),
    ],
)
def test_a_path_that_is_no_folder(pytester: pytest.Pytester, value: Any, says: str) -> None:
    classifier_zoo(pytester.path, mmdeploy=value)
    assert says in run_quant(pytester).cases["tiny::config"]["reason"]


def test_the_real_folder(pytester: pytest.Pytester) -> None:
    """Its weights are not there: the entry cannot be used, and every contradiction of the folder is named."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    classifier_zoo(pytester.path, mmdeploy=str(SHARED))
    lines = run_quant(pytester).cases["tiny::config"]["reason"].splitlines()
    assert ["end2end.bin does not" in lines[0], "end2end_int8.bin does" in lines[1]] == [True, True]
    assert "a network of 1000 classes" in lines[2]
    assert "names end2end.param with precision INT8" in lines[3]
    assert len(lines) == 4


def move_nets(folder: Path, name: str) -> None:
    """Put the nets of a zoo of `test_other_tasks` into an export folder."""
    (folder / "work_dir").mkdir()
    for side in ("", "-int8"):
        for suffix in (".param", ".bin"):
            target = f"end2end{side.replace('-', '_')}{suffix}"
            (folder / f"{name}{side}{suffix}").rename(folder / "work_dir" / target)


def write_text_export(folder: Path) -> None:
    """A DB detector as mmdeploy 0.x exports it, and images of 64x64 pixels for it."""
    text_zoo(folder, tiny.GOOD_SCALE)
    move_nets(folder, "bars")
    name, transforms, after = exports.text_detector("0.x", head="DBHead", text_repr_type="quad", unclip_ratio=0.1)
    transforms[1] = {"type": "Resize", "size": [64, 64], "keep_ratio": False}
    transforms[2] = {"type": "Normalize", "mean": [0.0] * 3, "std": [255.0] * 3, "to_rgb": True}
    exports.write_export(folder / "work_dir", (name, transforms, after), "0.x", blobs=("in0", ["out0"]))


def test_a_text_detector(pytester: pytest.Pytester) -> None:
    write_text_export(pytester.path)
    drop = dict.fromkeys(("task", "fp32", "int8", "input", "output", "postprocess"))
    changed_zoo(pytester.path, mmdeploy="work_dir", **drop)
    run = run_quant(pytester)
    assert run.verdicts == {"bars::hmean": "pass", "bars::int8": "pass"}
    assert run.metric("bars", "hmean")["fp32"] == 1.0
    assert len(notes(run, "bars")) == 1


def test_a_text_detector_whose_parameters_are_lost(pytester: pytest.Pytester) -> None:
    """PAN of mmdeploy 1.x: the folder says the head and nothing of its parameters."""
    folder = pytester.path
    text_zoo(folder, tiny.GOOD_SCALE)
    (folder / "work_dir").mkdir()
    weights, bias = np.full((6, 3), 4.0, np.float32), np.full(6, -6.0, np.float32)
    write_convolution(folder / "work_dir", "end2end", weights, bias, "ReLU", scale=None)
    write_convolution(folder / "work_dir", "end2end_int8", weights, bias, "ReLU", scale=tiny.GOOD_SCALE)
    exports.write_export(folder / "work_dir", exports.text_detector(), blobs=("in0", ["out0"]))
    own = {"preprocess": {"resize": {"size": [64, 64]}}, "postprocess": {"downsample_ratio": 1.0}}
    drop = dict.fromkeys(("task", "fp32", "int8", "input", "output"))
    changed_zoo(folder, mmdeploy="work_dir", **own, **drop)
    run = run_quant(pytester)
    assert run.verdicts == {"bars::hmean": "pass", "bars::int8": "pass"}
    assert "with text_repr_type quad as the config for ICDAR2015 has it" in told(run, "bars")[0]
    assert run.report is not None
    conditions = run.report["models"]["bars"]["conditions"]
    assert (conditions["decoder"], conditions["hmean_profile"]) == ("pan", "mmocr-1.x")


def write_pose_export(folder: Path) -> None:
    """A pose net as mmdeploy 1.x exports it, and images with one person each."""
    pose_zoo(folder, "ground-truth")
    move_nets(folder, "spots")
    name, transforms, after = exports.pose_detector(size=(32, 32), heatmap_size=[32, 32])
    transforms[3] = {"type": "Normalize", "mean": [0.0] * 3, "std": [255.0] * 3, "to_rgb": True}
    exports.write_export(folder / "work_dir", (name, transforms, after), blobs=("in0", ["out0"]))


def pose_export_zoo(folder: Path, **keys: Any) -> None:
    write_pose_export(folder)
    drop = dict.fromkeys(("task", "fp32", "int8", "input", "output"))
    changed_zoo(folder, mmdeploy="work_dir", **drop, **keys)


def test_a_pose_net(pytester: pytest.Pytester) -> None:
    pose_export_zoo(pytester.path)
    run = run_quant(pytester)
    assert run.verdicts == {"spots::AP": "pass", "spots::int8": "pass", "spots::require[flip_test]": "pass"}
    assert "mmdeploy 1.x always writes false" in notes(run, "spots")[1]
    assert told(run, "spots") == []


# Metafiles


def write_metafile(folder: Path, task: str, dataset: str, **metrics: float) -> dict[str, Any]:
    results = [{"Task": task, "Dataset": dataset, "Metrics": metrics}]
    (folder / "metafile.yml").write_text(
        yaml.safe_dump({"Models": [{"Name": "net-8xb32", "Config": "configs/net.py", "Results": results}]})
    )
    return {"path": "metafile.yml", "model": "net-8xb32"}


def test_published_numbers(pytester: pytest.Pytester) -> None:
    classifier_zoo(pytester.path)
    measured = round(run_quant(pytester).metric("tiny")["fp32"], 2)
    metrics = {"Top 1 Accuracy": measured}
    metafile = write_metafile(pytester.path, "Image Classification", "Colours-1k", **metrics)
    changed_zoo(pytester.path, metafile=metafile | {"dataset": "Colours-1k"}, published={"int8": {"top1": 84.0}})
    run = run_quant(pytester)
    assert run.verdicts["tiny::published[fp32.top1]"] == "pass"
    assert run.metric("tiny", "top1")["published"] == {"fp32": measured, "int8": 84.0}
    changed_zoo(pytester.path, published={"fp32": {"top1": 50.0}})
    assert run_quant(pytester).metric("tiny", "top1")["published"] == {"fp32": 50.0}, "the zoo file's own wins"


def test_a_published_number_that_is_not_reached(pytester: pytest.Pytester) -> None:
    metafile = write_metafile(pytester.path, "Image Classification", "Colours-1k", **{"Top 1 Accuracy": 0.999})
    classifier_zoo(pytester.path, metafile=metafile | {"dataset": "Colours-1k"}, tolerance=None)
    run = run_quant(pytester)
    assert run.verdicts["tiny::published[fp32.top1]"] == "fail"
    assert run.cases["tiny::published[fp32.top1]"]["limit"] == 99.9
    assert told(run, "tiny")[-1].endswith("on Colours-1k, printed as a fraction")


def test_an_import_that_is_not_there_is_told(pytester: pytest.Pytester) -> None:
    """Another model of the same name could stand in it."""
    metafile = write_metafile(pytester.path, "Image Classification", "Colours", **{"Top 1 Accuracy": 86.7})
    (pytester.path / "model-index.yml").write_text("Import: [metafile.yml, gone.yml]\n")
    classifier_zoo(pytester.path, metafile=metafile | {"path": "model-index.yml", "dataset": "Colours"})
    run = run_quant(pytester)
    assert run.verdicts["tiny::published[fp32.top1]"] == "pass"
    assert "model-index.yml: not all that it imports was read: gone.yml does not exist" in told(run, "tiny")


@pytest.mark.parametrize(
    ("metafile", "says"),
    [
        ({"model": "net"}, "metafile.path: is missing: this key is required"),
        ({"path": "metafile.yml", "modle": "net"}, "metafile.modle: unknown key. Did you mean `model`?"),
        ("metafile.yml", "metafile: found 'metafile.yml' (str), expected the keys of metafile"),
        ({"path": "metafile.yml"}, "has no model called tiny, looked for among Name, Alias and Config"),
        (
            {"path": "metafile.yml", "model": "net"},
            "no model called net, looked for among Name, Alias and Config of its ",
        ),
        (
            {"path": "metafile.yml", "model": "net-8xb32"},
            "a dataset of type image-list does not tell whether it is one",
        ),
        (
            {"path": "gone.yml", "model": "net"},
            "metafile.path: gone.yml does not exist; paths are relative to the zoo file",
        ),
    ],
)
def test_a_metafile_that_does_not_help(pytester: pytest.Pytester, metafile: Any, says: str) -> None:
    write_metafile(pytester.path, "Image Classification", "ImageNet-1k", **{"Top 1 Accuracy": 70.0})
    classifier_zoo(pytester.path, metafile=metafile)
    assert says in run_quant(pytester).cases["tiny::config"]["reason"]


def test_a_published_pose_number_with_flip_is_not_compared(pytester: pytest.Pytester) -> None:
    metafile = write_metafile(pytester.path, "Body 2D Keypoint", "COCO", AP=0.726) | {"boxes": "ground-truth"}
    pose_export_zoo(pytester.path, metafile=metafile)
    run = run_quant(pytester)
    assert "spots::published[fp32.AP]" not in run.verdicts
    assert told(run, "spots")[-1] == (
        "metafile.yml:2: AP 0.726 of net-8xb32 not compared: published with flip_test (as mmpose publishes), evaluated "
        "without flip_test. Evaluate the same way (`postprocess: {flip_test: true}`), or write a number that was "
        "measured without flip_test under `published`, or `metafile: {flip_test: false}` if these were"
    )


@pytest.mark.parametrize("stated", [False, None])
def test_pose_numbers_that_were_measured_the_same_way(pytester: pytest.Pytester, stated: bool | None) -> None:
    """Either the user says that they are without flip, or the evaluation is with it."""
    metafile = write_metafile(pytester.path, "Body 2D Keypoint", "COCO", AP=0.726)
    metafile |= {"flip_test": stated, "boxes": "ground-truth"}
    postprocess = {} if stated is False else {"flip_test": True}
    pose_export_zoo(pytester.path, metafile=metafile, postprocess=postprocess, require=None)
    run = run_quant(pytester)
    assert run.verdicts["spots::published[fp32.AP]"] == "fail"
    assert run.cases["spots::published[fp32.AP]"]["limit"] == 0.726


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("model = dict(test_cfg=dict(flip_test=True))", "(as configs/net.py says)"),
        ("model = dict(test_cfg=dict())", "(as mmpose does; configs/net.py does not set model.test_cfg.flip_test"),
    ],
)
def test_flip_as_the_models_config_says(pytester: pytest.Pytester, config: str, says: str) -> None:
    (pytester.path / "configs").mkdir()
    (pytester.path / "configs" / "net.py").write_text(config)
    metafile = write_metafile(pytester.path, "Body 2D Keypoint", "COCO", AP=0.726) | {"boxes": "ground-truth"}
    pose_export_zoo(pytester.path, metafile=metafile)
    assert says in told(run_quant(pytester), "spots")[-1]
    (pytester.path / "configs" / "net.py").write_text("model = dict(test_cfg=dict(flip_test=False))")
    assert "spots::published[fp32.AP]" in run_quant(pytester).verdicts


def test_a_number_that_is_not_used_is_told_where_nothing_else_is_tested(pytester: pytest.Pytester) -> None:
    metafile = write_metafile(pytester.path, "Body 2D Keypoint", "COCO", AP=0.726)
    pose_export_zoo(pytester.path, metafile=metafile, tolerance=None, require=None)
    first, *rest = run_quant(pytester).cases["spots::config"]["reason"].splitlines()
    assert "has no limit at all, so nothing could fail" in first
    assert "numbers that do not stand there come from metafile.yml" in rest[1]
    assert "AP 0.726 of net-8xb32 not compared: published with flip_test" in rest[2]


@pytest.mark.parametrize("boxes", ["ground-truth", "boxes.json"])
@pytest.mark.parametrize("stated", ["ground-truth", "detected", None])
def test_numbers_in_other_boxes_are_not_compared(pytester: pytest.Pytester, boxes: str, stated: str | None) -> None:
    metafile = write_metafile(pytester.path, "Body 2D Keypoint", "COCO", AP=0.726)
    pose_export_zoo(pytester.path, metafile=metafile | {"flip_test": False, "boxes": stated})
    path = pytester.path / "zoo.quant.yaml"
    content = yaml.safe_load(path.read_text())
    content["datasets"]["spots"]["boxes"] = boxes
    path.write_text(yaml.safe_dump(content))
    run = run_quant(pytester)
    here, there = ("ground-truth" if boxes == "ground-truth" else "detected"), stated or "detected"
    assert ("spots::published[fp32.AP]" in run.verdicts) is (here == there)
    if here != there:
        source = "as mmpose publishes" if stated is None else "as `metafile.boxes` says"
        assert f"published with {there} boxes ({source}), evaluated with {here} boxes." in told(run, "spots")[-1]


# Regression files


def write_regression(folder: Path, **info: Any) -> dict[str, str]:
    (folder / "regression.yml").write_text(yaml.safe_dump({"globals": {"metric_info": info}}))
    return {"path": "regression.yml"}


def test_tolerances(pytester: pytest.Pytester) -> None:
    info = {"Top 1 Accuracy": {"metric_key": "accuracy/top1", "tolerance": 5}}
    classifier_zoo(pytester.path, regression=write_regression(pytester.path, **info), tolerance=None)
    run = run_quant(pytester)
    assert run.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}
    assert run.cases["tiny::top1"]["limit"] == 5.0


def test_a_tolerance_that_is_refused(pytester: pytest.Pytester) -> None:
    info = {"hmean-iou": {"metric_key": "icdar/hmean", "tolerance": 0.15}}
    text_zoo(pytester.path, tiny.GOOD_SCALE, regression=write_regression(pytester.path, **info))
    assert run_quant(pytester).verdicts["bars::hmean"] == "pass", "the zoo file has its own"
    changed_zoo(pytester.path, tolerance=None)
    reason = run_quant(pytester).cases["bars::config"]["reason"]
    assert "models.bars.regression: regression.yml:5: globals.metric_info.hmean-iou.tolerance: 0.15 (of a fr" in reason
    assert "found 0.15, which is 15 % of the range 0 to 1: probably a unit mistake." in reason
    assert reason.endswith("Write `tolerance: {hmean: ...}` in the zoo file instead")


def test_a_pipelines_own_tolerance_is_told(pytester: pytest.Pytester) -> None:
    info = {"Top 1 Accuracy": {"metric_key": "accuracy/top1", "tolerance": 5}}
    content = {"globals": {"metric_info": info}, "ncnn": {"pipe": {"metric_tolerance": {"Top 1 Accuracy": 9}}}}
    (pytester.path / "regression.yml").write_text(yaml.safe_dump(content))
    classifier_zoo(pytester.path, regression={"path": "regression.yml"})
    assert told(run_quant(pytester), "tiny")[-1] == (
        "regression.yml: metric_tolerance of ncnn.pipe is not read, only globals.metric_info"
    )


def test_reports_without_notes_are_as_they_were(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path)
    tiny.write_zoo(pytester.path)
    report = run_quant(pytester).report
    assert report is not None
    assert "notes" not in report["models"]["tiny"]
    assert json.dumps(report)
