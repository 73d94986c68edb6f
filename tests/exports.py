"""Export folders of mmdeploy, written by hand in the form that ``--dump-info`` gives them in both generations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]

LOAD: Json = {"type": "LoadImageFromFile"}
NORMALIZE: Json = {"type": "Normalize", "mean": MEAN, "std": STD, "to_rgb": True}
TO_TENSOR: list[Json] = [
    {"type": "ImageToTensor", "keys": ["img"]},
    {"type": "Collect", "keys": ["img"], "meta_keys": []},
]
FORMAT: list[Json] = [{"type": "DefaultFormatBundle"}, {"type": "Collect", "keys": ["img"], "meta_keys": []}]

VERSIONS = {"0.x": "0.6.0", "1.x": "1.3.1"}


def classifier(
    generation: str = "1.x", *, crop: int = 224, short_side: int = 256, classes: int = 1000
) -> tuple[str, list[Json], Json]:
    """The SDK's task, the transforms and the postprocessing task of a classifier."""
    resize: Json = {"type": "Resize", "size": [short_side, -1]}
    if generation == "1.x":
        resize["keep_ratio"] = True
    transforms: list[Json] = [LOAD, resize, {"type": "CenterCrop", "crop_size": crop}, NORMALIZE, *TO_TENSOR]
    params = {"num_classes": classes, "in_channels": 512, "topk": 5, "loss": {"type": "CrossEntropyLoss"}}
    return "Classifier", transforms, {"module": "mmcls", "component": "LinearClsHead", "params": params}


def text_detector(generation: str = "1.x", *, head: str = "PANHead", **params: Any) -> tuple[str, list[Json], Json]:
    """Likewise of a text detector; ``params`` of the postprocessor, which 1.x does not write."""
    if generation == "0.x":
        resize: Json = {"type": "Resize", "size": [736, 1333], "keep_ratio": True}
        written: Json = {"in_channels": [128] * 4, "postprocessor": {"type": "PANPostprocessor", **params}}
    elif head == "PANHead":
        resize = {
            "type": "ShortScaleAspectJitter",
            "short_size": 736,
            "scale_divisor": 1,
            "ratio_range": [1.0, 1.0],
            "aspect_ratio_range": [1.0, 1.0],
        }
        written = {}
    else:
        resize, written = {"type": "Resize", "keep_ratio": True, "size": [1333, 736]}, {}
    load = {**LOAD, "color_type": "color_ignore_orientation"}
    transforms: list[Json] = [load, resize, NORMALIZE, {"type": "Pad", "size_divisor": 32}, *FORMAT]
    return "TextDetector", transforms, {"module": "mmocr", "component": head, "params": written}


def pose_detector(
    generation: str = "1.x", *, size: tuple[int, int] = (256, 256), **params: Any
) -> tuple[str, list[Json], Json]:
    """Likewise of a top-down pose net; ``params`` of its codec."""
    box = {"type": "TopDownGetBboxCenterScale", "padding": 1.25, "image_size": list(size)}
    transforms: list[Json] = [LOAD, box, {"type": "TopDownAffine", "image_size": list(size)}, NORMALIZE, *TO_TENSOR]
    if generation == "0.x":
        component = "TopdownHeatmapMultiStageHeadDecode"
        written: Json = {"flip_test": True, "post_process": "default", "shift_heatmap": True, "modulate_kernel": 11}
    else:
        component = "TopdownHeatmapSimpleHeadDecode"
        heatmap = [side // 4 for side in size]
        codec = {"type": "MSRAHeatmap", "input_size": list(size), "heatmap_size": heatmap, "sigma": 2}
        written = {
            "flip_test": False,
            "flip_mode": "heatmap",
            "shift_heatmap": True,
            "post_process": "default",
            **codec,
        }
    return "PoseDetector", transforms, {"module": "mmpose", "component": component, "params": written | params}


def segmentor(
    generation: str = "1.x", *, size: tuple[int, int] = (512, 512), **params: Any
) -> tuple[str, list[Json], Json]:
    """Likewise of a segmenter; ``params`` of its decode head."""
    written = list(size)[::-1] if generation == "0.x" else list(size)
    transforms: list[Json] = [LOAD, {"type": "Resize", "keep_ratio": False, "size": written}, NORMALIZE, *TO_TENSOR]
    head = {"type": "FCNHead", "num_classes": 19, "align_corners": False, **params}
    return "Segmentor", transforms, {"module": "mmseg", "component": "ResizeMask", "params": head}


def text_recognizer(generation: str = "1.x", *, width: int | None = None) -> tuple[str, list[Json], Json]:
    """Likewise of a CRNN, of images of any width or of one."""
    name = "RescaleToHeight" if generation == "1.x" else "ResizeOCR"
    resize: Json = {"type": name, "height": 32, "min_width": width or 32, "max_width": width}
    if generation == "1.x":
        resize["width_divisor"] = 16
    normalize = {"type": "Normalize", "mean": [127], "std": [127], "to_rgb": False}
    params: Json = {"dict_file": "dicts/lower.txt"} if generation == "1.x" else {"dict_type": "DICT36"}
    after = {"module": "mmocr", "component": "CTCConvertor", "params": params}
    return "TextRecognizer", [LOAD, resize, normalize, *FORMAT], after


def write_export(
    folder: Path,
    task: tuple[str, list[Json], Json],
    generation: str = "1.x",
    *,
    blobs: tuple[str, list[str]] = ("input", ["output"]),
) -> Path:
    """Write the three JSON files of a folder; the nets are the caller's."""
    folder.mkdir(exist_ok=True)
    name, transforms, after = task
    version = VERSIONS[generation]
    deploy = {"name": "net", "net": "end2end.param", "weights": "end2end.bin", "backend": "ncnn", "precision": "INT8"}
    write(folder / "deploy.json", {"version": version, "task": name, "models": [deploy], "customs": []})
    before = {"type": "Task", "module": "Transform", "name": "Preprocess", "input": ["img"], "output": ["prep_output"]}
    net = {"name": "net", "type": "Task", "module": "Net", "input": ["prep_output"], "input_map": {"img": blobs[0]}}
    tasks = [before | {"transforms": transforms}, net, {"type": "Task", "name": "postprocess", **after}]
    write(folder / "pipeline.json", {"pipeline": {"input": ["img"], "output": ["post_output"], "tasks": tasks}})
    detail = {
        "version": version,
        "codebase": {"task": name, "codebase": after["module"], "version": "0.23.2", "pth": "x.pth", "config": "x.py"},
        "onnx_config": {"input_names": [blobs[0]], "output_names": blobs[1], "input_shape": None},
        "backend_config": {"type": "ncnn", "precision": "INT8"},
    }
    write(folder / "detail.json", detail)
    return folder


def write(path: Path, data: Any) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(data, indent=4))


def change(path: Path, edit: Any) -> None:
    """Read a JSON file, let ``edit`` change it in place, and write it."""
    data = json.loads(path.read_text())
    edit(data)
    write(path, data)


def detector(
    generation: str = "1.x", *, resize: Json | None = None, pad: Json | None = None, **params: Any
) -> tuple[str, list[Json], Json]:
    """Likewise of a detector; ``params`` of its test_cfg. By default what a static export makes of SSD300."""
    step = {"type": "Resize", "size": [320, 320], "keep_ratio": False} | (resize or {})
    after = [{"type": "Pad", **({"size_divisor": 1} if pad is None else pad)}]
    transforms: list[Json] = [LOAD, step, NORMALIZE, *after, *FORMAT]
    written: Json = {"score_thr": 0.02, "nms": {"type": "nms", "iou_threshold": 0.45}, "max_per_img": 200}
    return "Detector", transforms, {"module": "mmdet", "component": "ResizeBBox", "params": written | params}
