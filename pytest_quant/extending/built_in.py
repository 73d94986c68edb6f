"""What the package itself brings, by names that are imported when they are asked for."""

from __future__ import annotations

from pytest_quant.extending.registry import Registry

DATASETS = {
    "cifar10": ("cifar10", "Cifar10Options"),
    "imagenet": ("imagenet", "ImagenetOptions"),
    "image-list": ("image_list", "ImageListOptions"),
    "icdar2015": ("icdar2015", "Icdar2015Options"),
    "ctw1500": ("ctw1500", "Ctw1500Options"),
    "mmocr-json": ("mmocr_json", "MmocrJsonOptions"),
    "coco-keypoints": ("coco_keypoints", "CocoKeypointsOptions"),
    "coco-detection": ("coco_detection", "CocoDetectionOptions"),
    "segmentation": ("segmentation", "SegmentationOptions"),
    "text-lines": ("words", "TextLinesOptions"),
    "images": ("images", "ImagesOptions"),
    "arrays": ("arrays", "ArraysOptions"),
}
"""Dataset type to its module and the class of its keys there."""

_NET_FORMATS = {
    "ncnn": "pytest_quant.nets.ncnn.format:NcnnFormat",
    "onnxruntime": "pytest_quant.nets.onnxruntime.format:OnnxruntimeFormat",
    "openvino": "pytest_quant.nets.openvino.format:OpenvinoFormat",
    "litert": "pytest_quant.nets.litert.format:LitertFormat",
}


def pytest_quant_register(registry: Registry) -> None:
    """Register the built-in tasks, dataset types, net formats and report writers."""
    registry.task("pytest_quant.tasks.classification.task:TASK", "classification")
    registry.task("pytest_quant.tasks.text_detection.task:TASK", "text-detection")
    registry.task("pytest_quant.tasks.keypoints.task:TASK", "keypoints")
    registry.task("pytest_quant.tasks.object_detection.task:TASK", "object-detection")
    registry.task("pytest_quant.tasks.semantic_segmentation.task:TASK", "semantic-segmentation")
    registry.task("pytest_quant.tasks.text_recognition.task:TASK", "text-recognition")
    registry.task("pytest_quant.tasks.outputs.task:TASK", "outputs")
    for name, (module, options) in DATASETS.items():
        place = f"pytest_quant.datasets.{module}"
        registry.dataset(name, f"{place}:{options}", f"{place}:open_dataset")
    for name, place in _NET_FORMATS.items():
        registry.net_format(name, place)
    registry.report(".json", "pytest_quant.report.write:write_json")
    registry.report(".md", "pytest_quant.report.write:write_markdown")
    registry.report(".html", "pytest_quant.report.html.write:write_html")
