"""What a first zoo file says of a dataset of each type, until the user says where it lies."""

from __future__ import annotations

from collections.abc import Mapping

DATASETS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "arrays": (
        "ARRAYS_ROOT",
        {"root": "${ARRAYS_ROOT}"},
        "a folder of .npz files, each the inputs of one sample: numpy.savez(file, KEY=array, ...)",
    ),
    "cifar10": (
        "CIFAR10_ROOT",
        {"root": "${CIFAR10_ROOT}", "split": "test"},
        "the folder that holds cifar-10-batches-bin or cifar-10-batches-py",
    ),
    "imagenet": ("IMAGENET_ROOT", {"root": "${IMAGENET_ROOT}", "split": "val"}, "the folder that holds val/"),
    "image-list": (
        "IMAGES_ROOT",
        {"root": "${IMAGES_ROOT}", "list": "list.txt"},
        "the folder that holds the images and list.txt, with one `relative/path class` per line",
    ),
    "icdar2015": (
        "ICDAR2015_ROOT",
        {"images": "${ICDAR2015_ROOT}/images", "annotations": "${ICDAR2015_ROOT}/gt"},
        "the folder that holds the test images and their gt_img_N.txt in images/ and gt/",
    ),
    "ctw1500": (
        "CTW1500_ROOT",
        {"images": "${CTW1500_ROOT}/images", "annotations": "${CTW1500_ROOT}/gt"},
        "the folder that holds the test images and their annotations in images/ and gt/",
    ),
    "coco-keypoints": (
        "COCO_ROOT",
        {
            "images": "${COCO_ROOT}/val2017",
            "annotations": "${COCO_ROOT}/annotations/person_keypoints_val2017.json",
            "boxes": "ground-truth",
        },
        "the folder of COCO 2017 (`boxes` may also be the json of a person detector's results)",
    ),
    "coco-detection": (
        "COCO_ROOT",
        {"images": "${COCO_ROOT}/val2017", "annotations": "${COCO_ROOT}/annotations/instances_val2017.json"},
        "the folder of COCO 2017",
    ),
    "mmocr-json": (
        "TEXT_ROOT",
        {"images": "${TEXT_ROOT}/images", "annotations": "${TEXT_ROOT}/test.json"},
        "the folder that holds images/ and test.json, mmocr's annotations",
    ),
    "segmentation": (
        "SEGMENTATION_ROOT",
        {"images": "${SEGMENTATION_ROOT}/images", "masks": "${SEGMENTATION_ROOT}/masks"},
        "the folder that holds images/ and the label images in masks/",
    ),
    "text-lines": (
        "WORDS_ROOT",
        {"images": "${WORDS_ROOT}/images", "annotations": "${WORDS_ROOT}/gt.txt"},
        'the folder that holds images/ and gt.txt, with one `file, "text"` per line',
    ),
}
"""Type of a dataset to the variable that says where it is, its keys, and what the variable names."""
