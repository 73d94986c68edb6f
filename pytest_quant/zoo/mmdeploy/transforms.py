"""From the ``transforms`` of pipeline.json to the keys ``input`` and ``preprocess``.

Sizes: mmcls and mmocr 0.x write [height, width], 1.x [width, height]; in a zoo file they are [width, height].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from pytest_quant.spec.text import brief, listed, shown
from pytest_quant.zoo.draft import Draft, Keys
from pytest_quant.zoo.metric_names import is_number
from pytest_quant.zoo.mmdeploy.files import Generation
from pytest_quant.zoo.mmdeploy.training import ResizeStep
from pytest_quant.zoo.yaml_lines import RawEntry

Transform = RawEntry

PREPROCESS: Keys = ("preprocess",)
_BACKEND: Keys = ("preprocess", "backend")
NORMALIZATION: tuple[Keys, Keys] = (("input", "mean"), ("input", "std"))
PREPROCESSING: tuple[Keys, ...] = (PREPROCESS, *NORMALIZATION)
"""What only the training repository knows when pipeline.json cannot be used."""

_READ: Mapping[str, frozenset[str]] = {
    "Normalize": frozenset({"type", "mean", "std", "to_rgb"}),
    "Resize": frozenset({"type", "size", "keep_ratio", "interpolation", "backend", "adaptive_side"}),
    "CenterCrop": frozenset({"type", "crop_size", "efficientnet_style"}),
    "ShortScaleAspectJitter": frozenset(
        {"type", "short_size", "scale_divisor", "ratio_range", "aspect_ratio_range"},
    ),
    "Pad": frozenset({"type", "size_divisor", "pad_val", "pad_to_square", "size"}),
    "TopDownGetBboxCenterScale": frozenset({"type", "padding", "image_size"}),
    "TopDownAffine": frozenset({"type", "image_size", "use_udp"}),
}
"""Keys of transforms that are looked at."""

_BACKENDS = {"pillow": "pillow", "cv2": "opencv"}
_WITHOUT_EFFECT = frozenset(
    {"LoadImageFromFile", "LoadImage", "ImageToTensor", "ToTensor", "DefaultFormatBundle", "Collect", "PackInputs"}
)
"""Decoding is the task's own; the rest only moves arrays about."""


@dataclass(frozen=True)
class Source:
    """Where transforms come from, and what is known around them."""

    file: str
    """pipeline.json, as messages show it."""
    generation: Generation
    dataset_type: str | None
    resize_step: ResizeStep | None = None
    """What the training config says of the resize, where that can be read."""

    def size(self, value: object) -> list[int] | None:
        """A size as a zoo file writes it, [width, height]; None for what is not a size."""
        if is_pixels(value):
            return [value, value]
        if not isinstance(value, Sequence) or len(value) != 2 or not all(map(is_pixels, value)):
            return None
        return list(value)[::-1] if self.generation == "0.x" else list(value)


def is_pixels(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def classification(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """Resize, centre crop, normalization."""
    draft.put({}, "preprocess")
    steps = Steps(draft, source, {"Resize": _class_resize, "CenterCrop": _crop})
    steps.take(transforms)
    if steps.last_size is not None:
        draft.put(steps.last_size, "input", "size")


def text_detection(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """Resize, normalization, padding."""
    draft.put({}, "preprocess")
    Steps(draft, source, {"Resize": dense_resize, "ShortScaleAspectJitter": _short_scale, "Pad": pad}).take(transforms)


def keypoints(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """The padded box, warped to the net's input; sizes are [width, height] in both generations."""
    draft.put({}, "preprocess")
    known = {"TopDownGetBboxCenterScale": _box, "TopDownAffine": _affine}
    Steps(draft, source, known).take(transforms)
    if "size" not in draft.entry.get("input", {}):
        draft.problem(f"{source.file} has no TopDownAffine with an image_size", ("input", "size"), PREPROCESS)


class Steps:
    """Takes transforms in their order; each that is known once, and before the normalization or after as it may be."""

    def __init__(
        self,
        draft: Draft,
        source: Source,
        known: Mapping[str, Callable[[Steps, Transform], None]],
        *,
        normalizes: bool = True,
    ) -> None:
        """``normalizes``: whether a pipeline without a Normalize cannot be meant."""
        self._normalizes = normalizes
        self.draft = draft
        self.source = source
        self.last_size: list[int] | None = None
        self._known = known
        self._seen: list[str] = []

    def take(self, transforms: Sequence[Transform]) -> None:
        """Read all transforms of a file."""
        for transform in transforms:
            name = str(transform.get("type"))
            if name == "Normalize":
                _normalize(self, transform)
            elif name in self._known:
                self._known[name](self, transform)
            elif name not in _WITHOUT_EFFECT:
                self.unknown(f"has the transform {name}")
                continue
            self._tell_unread(name, transform)
            if name in self._seen and name not in _WITHOUT_EFFECT:
                self.unknown(f"has the transform {name} twice")
            self._seen.append(name)
        order = [name for name in self._seen if name in self._known and name not in ("Pad", "ShortScaleAspectJitter")]
        if order != [name for name in self._known if name in order]:
            self.unknown(f"has its transforms in the order {listed(order)}")
        if "Normalize" not in self._seen and self._normalizes:
            self.draft.problem(f"{self.source.file} has no Normalize", *NORMALIZATION)

    def _tell_unread(self, name: str, transform: Transform) -> None:
        for key, value in transform.items():
            if name in _READ and key not in _READ[name] and value not in (None, False):
                self.draft.note(f"{self.source.file}: {key}: {value!r} of {name} is not read", PREPROCESS)

    def unknown(self, what: str) -> None:
        """Report something that the task's preprocessing does not do."""
        self.draft.problem(f"{self.source.file} {what}, which the preprocessing of this task does not do", PREPROCESS)


def _normalize(steps: Steps, transform: Transform) -> None:
    draft, source = steps.draft, steps.source
    written = [transform.get(key) for key in ("mean", "std")]
    mean, std = map(_numbers, written)
    if len(mean) != len(std) or len(mean) not in (1, 3):
        found = listed(f"{key}: {brief(value)}" for key, value in zip(("mean", "std"), written, strict=True))
        draft.problem(f"{source.file} normalizes with {found}; expected 1 or 3 numbers each", *NORMALIZATION)
        return
    draft.put(mean, "input", "mean")
    draft.put(std, "input", "std")
    draft.put(_color(draft, bool(transform.get("to_rgb", True)), mean, source), "input", "color")


def _numbers(value: object) -> list[float]:
    """The numbers of a list; none when it is something else."""
    if not isinstance(value, list) or not all(is_number(item) for item in value):
        return []
    return [float(item) for item in value]


def _color(draft: Draft, to_rgb: bool, mean: Sequence[float], source: Source) -> str:
    """The order of the channels: mmdeploy loads images as BGR and ``to_rgb`` turns them."""
    if len(mean) == 1:
        return "gray"
    if to_rgb:
        return "rgb"
    if source.dataset_type == "cifar10":
        draft.note(
            f"{source.file} says to_rgb: false, because CIFAR-10 is stored as RGB: color rgb is taken",
            ("input", "color"),
        )
        return "rgb"
    if mean[0] > mean[-1]:
        draft.note(
            f"{source.file} says to_rgb: false, so color bgr is taken, but its means {list(mean)} look like those of "
            "red, green, blue: a net trained on files that are stored as RGB, such as CIFAR-10, takes rgb",
            ("input", "color"),
        )
    return "bgr"


def _class_resize(steps: Steps, transform: Transform) -> None:
    draft, source, size = steps.draft, steps.source, transform.get("size")
    short_side = size[0] if isinstance(size, list) and len(size) == 2 and size[1] == -1 else None
    if transform.get("adaptive_side", "short") != "short":
        steps.unknown(f"resizes the side {transform['adaptive_side']!r}")
    if is_pixels(short_side):
        draft.put({"short_side": short_side, "rounding": "truncate"}, "preprocess", "resize")
    elif (both := source.size(size)) is not None and not transform.get("keep_ratio"):
        draft.put({"size": both}, "preprocess", "resize")
        steps.last_size = both
    else:
        steps.unknown(f"resizes with {dict(transform)}")
    interpolation(steps, transform)
    _backend(steps, transform)


def interpolation(steps: Steps, transform: Transform) -> None:
    """Bilinear is the only one that a resize may have."""
    name = transform.get("interpolation", "bilinear")
    if name != "bilinear":
        steps.unknown(f"resizes with interpolation {name}")


def _backend(steps: Steps, transform: Transform) -> None:
    """Which library resizes: 0.x passes the key on, 1.x loses it where a ResizeEdge became a Resize with keep_ratio."""
    draft, source = steps.draft, steps.source
    written = transform.get("backend")
    if isinstance(written, str) and written in _BACKENDS:
        draft.put(_BACKENDS[written], "preprocess", "backend")
    elif written is not None:
        steps.unknown(f"resizes with the backend {written}")
    elif source.generation == "1.x" and transform.get("keep_ratio"):
        _lost_backend(steps)
    else:
        draft.put("opencv", "preprocess", "backend")
        draft.remark(
            f"{source.file} names no backend of Resize: taken is opencv, the default of mmcls and mmcv, since mmdeploy "
            f"{source.generation} writes the key where it is another",
            _BACKEND,
        )


def _lost_backend(steps: Steps) -> None:
    draft, source, step = steps.draft, steps.source, steps.source.resize_step
    if step is None:
        draft.put("pillow", "preprocess", "backend")
        draft.note(
            f"{source.file} does not say what resizes: mmdeploy 1.x drops `backend` and `interpolation` of ResizeEdge. "
            "Taken: pillow, bilinear, as the ImageNet configs *_pil_resize; look at the training config, opencv can "
            "move top-1 by points",
            _BACKEND,
        )
    elif step.backend not in _BACKENDS or step.interpolation != "bilinear" or step.edge != "short":
        draft.problem(
            f"{shown(step.config)} resizes with {dict(step.keys)}, which the preprocessing of this task does not do",
            PREPROCESS,
        )
    else:
        draft.put(_BACKENDS[step.backend], "preprocess", "backend")


def _crop(steps: Steps, transform: Transform) -> None:
    size = steps.source.size(transform.get("crop_size"))
    if size is None:
        steps.unknown(f"crops with {dict(transform)}")
        return
    if transform.get("efficientnet_style"):
        steps.unknown("crops in the style of EfficientNet")
    steps.draft.put(size, "preprocess", "crop")
    steps.last_size = size


def dense_resize(steps: Steps, transform: Transform) -> None:
    """A resize of images whose output is a map: to a size, or within one with the ratio kept."""
    size = steps.source.size(transform.get("size"))
    if size is None:
        steps.unknown(f"resizes with {dict(transform)}")
    elif transform.get("keep_ratio"):
        steps.draft.put({"keep_ratio": sorted(size, reverse=True)}, "preprocess", "resize")
    else:
        steps.draft.put({"size": size}, "preprocess", "resize")
    interpolation(steps, transform)
    if transform.get("backend") is not None:
        _backend(steps, transform)


def _short_scale(steps: Steps, transform: Transform) -> None:
    """MMOCR 1.x resizes the short side of PANet's images with a training transform whose ranges are empty."""
    ranges = [transform.get(key) for key in ("ratio_range", "aspect_ratio_range")]
    short = transform.get("short_size")
    if not is_pixels(short) or transform.get("scale_divisor", 1) != 1 or ranges != [[1.0, 1.0]] * 2:
        steps.unknown(f"resizes with {dict(transform)}")
        return
    steps.draft.put({"short_side": short, "rounding": "round"}, "preprocess", "resize")


def pad(steps: Steps, transform: Transform) -> None:
    """Zeros to multiples of a number."""
    divisor = transform.get("size_divisor")
    is_plain = transform.get("pad_val", 0) in (0, {"img": 0}) and not transform.get("pad_to_square")
    if not is_pixels(divisor) or not is_plain or transform.get("size") is not None:
        steps.unknown(f"pads with {dict(transform)}")
        return
    steps.draft.put(divisor, "preprocess", "pad_divisor")


def _box(steps: Steps, transform: Transform) -> None:
    padding = transform.get("padding", 1.25)
    if isinstance(padding, int | float) and not isinstance(padding, bool) and padding > 0:
        steps.draft.put(float(padding), "preprocess", "padding")
    else:
        steps.unknown(f"pads boxes with {padding!r}")


def _affine(steps: Steps, transform: Transform) -> None:
    size = transform.get("image_size")
    if isinstance(size, Sequence) and len(size) == 2 and all(map(is_pixels, size)):
        steps.draft.put(list(size), "input", "size")
    if transform.get("use_udp"):
        steps.draft.put(True, "preprocess", "udp")
