"""Export folders of the SDK's task Segmentor: preprocessing and output of a segmenter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.mmdeploy.transforms import Source, Steps, Transform, dense_resize, pad

COMPONENT = "ResizeMask"
"""What pipeline.json calls the postprocessing of a segmenter."""


def preprocessing(draft: Draft, transforms: Sequence[Transform], source: Source) -> None:
    """Resize (stretched in static exports, whatever the training config says), normalization, padding."""
    draft.put({}, "preprocess")
    Steps(draft, source, {"Resize": dense_resize, "Pad": pad}).take(transforms)
    resize = draft.entry.get("preprocess", {}).get("resize", {})
    if "size" in resize:
        draft.put(resize["size"], "input", "size")


def decoding(draft: Draft, params: Mapping[str, object], source: Source, features: int | None) -> None:
    """Whether the net gives labels or logits: by its channels, else as mmdeploy exports by default.

    ``params`` is the decode head of the training config, ``features`` the channels of the net's output where known.
    """
    classes = params.get("num_classes")
    if features == 1 and classes != 1:
        output = "labels"
    elif features is not None and features > 1:
        output = "logits"
    else:
        output = "labels" if params.get("with_argmax", True) else "logits"
        draft.note(
            f"{source.file} does not say whether the net ends in an argmax, nor does the net: taken is {output}, "
            "mmdeploy's default; a run tells when it is the other",
            ("postprocess", "output"),
        )
    draft.put(output, "postprocess", "output")
    if output == "labels":
        draft.remark(
            "labels are resized by nearest neighbours, as mmdeploy evaluates; mmseg, whose numbers are published, "
            "resizes logits: differences of some tenths of a point are from there",
            ("postprocess", "resize"),
        )
    elif params.get("align_corners") is True:
        draft.put(True, "postprocess", "align_corners")
    if classes == 1 and isinstance(params.get("threshold"), float):
        draft.put(params["threshold"], "postprocess", "threshold")
