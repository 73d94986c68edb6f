"""From pipeline.json of a detector to the keys ``input``, ``preprocess`` and ``postprocess``.

mmdeploy's static export makes every Resize a stretch, whatever the training config says; pipeline.json tells which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.metric_names import is_number
from pytest_quant.zoo.mmdeploy.decoders import DECODER, Params
from pytest_quant.zoo.mmdeploy.transforms import Source, Steps, Transform, interpolation, is_pixels


def preprocessing(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """Resize, normalization, padding before it (a letterbox) or after it (zeros to a multiple)."""
    draft.put({}, "preprocess")
    found = _Found()
    steps = Steps(draft, source, {"Resize": found.resize, "Pad": found.pad}, normalizes=False)
    steps.take(transforms)
    if "mean" not in draft.entry.get("input", {}):  # YOLOX: pixels as they are, in the order in which mmcv loads them
        draft.put("bgr", "input", "color")
    if found.size is None:
        steps.unknown("has no Resize")
    elif found.keeps_ratio:
        found.put_ratio(steps)
    else:
        found.put_stretch(steps)


class _Found:
    """What the transforms say of sizes."""

    def __init__(self) -> None:
        self.size: list[int] | None = None
        self.keeps_ratio = False
        self._padding: Transform = {}

    def resize(self, steps: Steps, transform: Transform) -> None:
        self.size = steps.source.size(transform.get("size"))
        self.keeps_ratio = bool(transform.get("keep_ratio"))
        if self.size is None:
            steps.unknown(f"resizes with {dict(transform)}")
        interpolation(steps, transform)

    def pad(self, steps: Steps, transform: Transform) -> None:
        self._padding = transform

    def put_stretch(self, steps: Steps) -> None:
        """Both sides, and zeros to a multiple where that is another size."""
        assert self.size is not None, "there was a Resize"  # noqa: S101
        divisor, to = self._padding.get("size_divisor") or 1, steps.source.size(self._padding.get("size"))
        if not is_pixels(divisor) or to not in (None, self.size):
            steps.unknown(f"pads with {dict(self._padding)}")
            return
        padded = [-(-side // divisor) * divisor for side in self.size]
        if padded != self.size:
            steps.draft.put(divisor, "preprocess", "pad_divisor")
        steps.draft.put({"size": self.size}, "preprocess", "resize")
        steps.draft.put(padded, "input", "size")

    def put_ratio(self, steps: Steps) -> None:
        """A letterbox where the rest of the size is filled, else a ratio that is kept."""
        assert self.size is not None, "there was a Resize"  # noqa: S101
        padding, size = self._padding, self.size
        value = _pad_value(padding.get("pad_val", 0))
        to = steps.source.size(padding.get("size"))
        if (padding.get("pad_to_square") and size[0] == size[1]) or to == size:
            if value is None:
                steps.unknown(f"pads with {dict(padding)}")
                return
            letterbox = {"letterbox": size, "pad_value": value, "rounding": "nearest"}
            steps.draft.put(letterbox, "preprocess", "resize")
            steps.draft.put(size, "input", "size")
            return
        divisor = padding.get("size_divisor", 1)
        if not is_pixels(divisor) or value != 0 or to is not None or padding.get("pad_to_square"):
            steps.unknown(f"pads with {dict(padding)}")
            return
        steps.draft.put({"keep_ratio": sorted(size, reverse=True)}, "preprocess", "resize")
        steps.draft.put(divisor, "preprocess", "pad_divisor")


def _pad_value(value: Any) -> int | None:
    """The grey value, which stands for itself, in a list of three, or under ``img``; None for anything else."""
    if isinstance(value, Mapping):
        value = value.get("img", 0)
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(is_number(one) and one == values[0] and int(one) == one for one in values):
        return None
    return int(values[0]) if 0 <= values[0] <= 255 else None


def postprocessing(draft: Draft, params: Params, source: Source, *, gives_rows: bool) -> None:
    """``ncnn_end2end`` nets decode and suppress themselves; what others need, only the training config knows."""
    if not gives_rows:
        draft.problem(
            f"{source.file} does not say how the net's outputs become boxes, and the net has no DetectionOutput layer "
            "that makes them: export it with configs/mmdet/detection/single-stage_ncnn_static-*.py, or write "
            "`postprocess` yourself",
            DECODER,
        )
        return
    draft.put("detection-output", *DECODER)
    most = params.get("max_per_img")
    if is_pixels(most):
        draft.put(most, "postprocess", "max_detections")
