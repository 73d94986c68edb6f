"""Export folders of the SDK's task TextRecognizer: preprocessing and keys of a recognizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_quant.spec.paths import is_file
from pytest_quant.spec.text import shown
from pytest_quant.zoo.draft import Draft, Keys
from pytest_quant.zoo.mmdeploy.transforms import PREPROCESS, Source, Steps, Transform, is_pixels

_KEYS: Keys = ("postprocess", "keys")
_DICT_FILE = "dict_file.txt"
"""The name under which mmdeploy 1.x puts a copy of the dictionary into the folder."""
_WORD_CONVERTORS = frozenset({"CTCConvertor"})


def preprocessing(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """The height and the width of an image, normalization, padding on the right."""
    draft.put({}, "preprocess")
    known = {"RescaleToHeight": _rescale, "ResizeOCR": _rescale, "Resize": _stretch, "PadToWidth": _pad_to_width}
    Steps(draft, source, known).take(transforms)


def decoding(draft: Draft, component: str | None, params: Mapping[str, object], source: Source, folder: Path) -> None:
    """The keys, where the folder has them, and the place of the blank: last in mmocr 1.x, first in 0.x."""
    if component not in _WORD_CONVERTORS:
        draft.problem(f"{source.file} decodes with {component}; decoders are known for CTCConvertor")
        return
    draft.put("last" if source.generation == "1.x" else "first", "postprocess", "blank")
    named = params.get("dict_file")
    candidates = [folder / _DICT_FILE, *([folder / Path(named).name] if isinstance(named, str) else [])]
    found = next((path for path in candidates if is_file(path)), None)
    if found is not None:
        draft.put(str(found), *_KEYS)
        return
    kind = params.get("dict_type") or named
    said = f"; {source.file} names {kind}" if kind else ""
    draft.problem(f"{shown(folder)} has no {_DICT_FILE} with the characters of the net{said}", _KEYS)


def _rescale(steps: Steps, transform: Transform) -> None:
    height, lowest, highest = (transform.get(key) for key in ("height", "min_width", "max_width"))
    if not is_pixels(height):
        steps.unknown(f"resizes with {dict(transform)}")
        return
    if is_pixels(lowest) and lowest == highest:  # an export of fixed size
        steps.draft.put({"size": [lowest, height]}, "preprocess", "resize")
        steps.draft.put([lowest, height], "input", "size")
        return
    resize: dict[str, object] = {"height": height, "rounding": "ceil"}
    resize |= {key: value for key, value in (("min_width", lowest), ("max_width", highest)) if is_pixels(value)}
    divisor = transform.get("width_divisor", transform.get("width_downsample_ratio"))
    if is_pixels(divisor):
        resize["width_divisor"] = divisor
    elif isinstance(divisor, float) and 0 < divisor <= 1:
        resize["width_divisor"] = round(1 / divisor)
    steps.draft.put(resize, "preprocess", "resize")


def _stretch(steps: Steps, transform: Transform) -> None:
    size = steps.source.size(transform.get("size", transform.get("scale")))
    if size is None or transform.get("keep_ratio"):
        steps.unknown(f"resizes with {dict(transform)}")
        return
    steps.draft.put({"size": size}, "preprocess", "resize")
    steps.draft.put(size, "input", "size")


def _pad_to_width(steps: Steps, transform: Transform) -> None:
    width = transform.get("width")
    if not is_pixels(width):
        steps.unknown(f"pads with {dict(transform)}")
        return
    steps.draft.put({"to": width, "value": 0.0}, "preprocess", "pad")
    steps.draft.note(
        f"{steps.source.file} pads before the normalization, with {dict(transform)}; here the padding stands after it: "
        "write the normalized value under `pad.value`",
        PREPROCESS,
    )
