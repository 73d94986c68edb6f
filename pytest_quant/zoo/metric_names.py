"""The names that OpenMMLab's metafiles and regression files give to metrics, and the units of their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TypeGuard

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.number import PrintedFloat

METRIC_NAMES: Mapping[str, str] = {
    "Top 1 Accuracy": "top1",
    "Top 5 Accuracy": "top5",
    "hmean-iou": "hmean",
    "AP": "AP",
    "AP@0.5": "AP50",
    "AP@0.75": "AP75",
    "AP (M)": "APM",
    "AP (L)": "APL",
    "AR": "AR",
    "AR@0.5": "AR50",
    "AR@0.75": "AR75",
    "AR (M)": "ARM",
    "AR (L)": "ARL",
    "box AP": "mAP",
    "mIoU": "mIoU",
    "word_acc": "word_acc_ignore_case_symbol",
    "word_acc_ignore_case_symbol": "word_acc_ignore_case_symbol",
    "1-N.E.D": "one_minus_ned",
}
"""Key under ``Metrics`` to the metric's name in a zoo file. ``mask AP`` is of a task that is not evaluated."""

_DIGITS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")

DATASET_NAMES: Mapping[str, tuple[str, ...]] = {
    "cifar10": ("cifar10",),
    "imagenet": ("imagenet1k", "imagenet", "ilsvrc2012"),
    "icdar2015": ("icdar2015",),
    "ctw1500": ("ctw1500", "scutctw1500"),
    "coco-keypoints": ("coco", "coco2017", "cocoval2017"),
    "coco-detection": ("coco", "coco2017", "cocoval2017"),
}
"""Type of a dataset in a zoo file to what metafiles call it, as `plain` writes it."""


def plain(dataset: str) -> str:
    """The name of a dataset without what authors write differently.

    >>> plain("ImageNet-1k"), plain("CTW1500")
    ('imagenet1k', 'ctw1500')
    """
    return re.sub(r"[^a-z0-9]", "", dataset.lower())


def in_own_unit(metric: Metric, value: float) -> tuple[float, str | None]:
    """A published number in the metric's own unit, with a remark where it was printed in the other one.

    The printed digits stay: 79.50 % is 0.7950.

    >>> in_own_unit(Metric("hmean", "fraction"), PrintedFloat(79.5, "79.50"))
    (0.795, 'printed in percent')
    """
    if metric.unit == "fraction" and 1 < value <= 100:
        return scaled(value, -2), "printed in percent"
    if metric.unit == "%" and 0 < value <= 1:
        return scaled(value, 2), "printed as a fraction"
    return value, None


def scaled(value: float, powers_of_ten: int) -> PrintedFloat:
    """A number times a power of ten, with the digits that were printed."""
    result = Decimal(printed(value)).scaleb(powers_of_ten)
    return PrintedFloat(float(result), f"{result:f}")


def printed(value: float) -> str:
    """A number as it was printed, in digits; YAML has other ways to write one."""
    text = value.text if isinstance(value, PrintedFloat) else ""
    return text if _DIGITS.fullmatch(text) else repr(float(value))


def is_number(value: object) -> TypeGuard[float]:
    """Whether YAML gave a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
