"""A guess at the task of a net from its last layers, which says so; what they do not tell is left to the user."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.extending.known import task_names
from pytest_quant.nets.ncnn.files.arrays import CONVOLUTIONS
from pytest_quant.nets.ncnn.files.param import Layer, Param
from pytest_quant.spec.whole_file import whole_file
from pytest_quant.zoo.draft import Draft, Keys
from pytest_quant.zoo.net_files import NetFile

_DECODER_OF_CHANNELS = {1: "db", 5: "textsnake", 6: "pan"}
_PROFILES = {"db": "mmocr, original, paddle", "textsnake": "mmocr-0.x, mmocr-1.x", "pan": "mmocr-0.x, mmocr-1.x"}
POSE_CHANNELS = 17
_LAST_LAYERS = 4
_TO_BE_NAMED: dict[str, tuple[Keys, str]] = {
    "object-detection": (("postprocess", "decoder"), "what decodes the output: yolox, anchor, points or dfl"),
    "text-recognition": (("postprocess", "keys"), "the file of the characters, one per line, in the net's order"),
}
"""What of a task no file of the net tells."""
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
_DETECTIONS = frozenset({"DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput"})
_ENLARGING = frozenset({"Deconvolution", "DeconvolutionDepthWise", "Interp", "PixelShuffle"})
_RECOGNIZER_NAME = re.compile(r"(?<![a-z])(rec|crnn|svtr|recognition)(?![a-z])", re.IGNORECASE)
EMBEDDING_SIZES = frozenset({64, 128, 256, 512})
_FEWEST_CHARACTERS = 11
_MOST_KEYS_BYTES = 10_000_000


@dataclass(frozen=True)
class Guess:
    """A task and why; with a decoder where that can be told."""

    task: str
    why: str
    decoder: str | None = None


def put_task(draft: Draft, net: NetFile) -> None:
    """Put the task that a net seems to be of into a draft, with a note; else say that only the user knows."""
    found = _guess(net)
    has_keys = isinstance(found, Guess) and found.task == "text-recognition" and _put_keys(draft, net)
    put_guess(draft, found, net.param, has_keys=has_keys)


def put_guess(draft: Draft, found: Guess | str, path: Path, *, has_keys: bool = False) -> None:
    """Put a guess at the task of the net in a file, with a note; or what is said in its place."""
    if not isinstance(found, Guess):
        draft.problem(found, ("task",))
        return
    if found.task not in task_names():
        draft.problem(f"{path.name} seems to be for {found.task} ({found.why})", ("task",))
        return
    draft.put(found.task, "task")
    draft.note(f"guessed from {found.why} of {path.name}", ("task",))
    if has_keys:
        return
    if found.task in _TO_BE_NAMED:
        keys, what = _TO_BE_NAMED[found.task]
        if found.decoder is None or keys != ("postprocess", "decoder"):
            draft.problem(what, keys)
    if found.decoder is None:
        return
    draft.put(found.decoder, "postprocess", "decoder")
    if found.decoder in _PROFILES:
        draft.note(
            f"guessed, too; whose parameters it has, `profile` says: {_PROFILES[found.decoder]} (the first is the "
            "default)",
            ("postprocess",),
        )


def _put_keys(draft: Draft, net: NetFile) -> bool:
    """Take a text file beside the net for its keys that has as many lines as the net has characters, if there is one.

    One output is the blank of CTC; PaddleOCR's nets have another one for the blank between words.
    """
    features = net.facts.output_features[net.facts.outputs[0]]
    for path in sorted(net.param.parent.glob("*.txt")):
        try:
            lines = whole_file(path, _MOST_KEYS_BYTES).decode("utf-8-sig").removesuffix("\n").count("\n") + 1
        except (OSError, UnicodeDecodeError):  # any text file may lie here
            continue
        if features - lines in (1, 2):
            draft.put(str(path), "postprocess", "keys")
            more = ", and the blank between words (`add_blank_character`)" if features - lines == 2 else ""
            if more:
                draft.put(True, "postprocess", "add_blank_character")
            draft.note(
                f"{path.name} has {lines} lines and the net {features} outputs: taken for its characters, with the "
                f"blank of CTC{more}; `blank: last` where that is behind the characters (mmocr)",
                ("postprocess",),
            )
            return True
    return False


def _guess(net: NetFile) -> Guess | str:
    """A guess, or why there is none."""
    param, facts = net.net, net.facts
    if any(layer.type in _DETECTIONS for layer in param.layers):
        kind = next(layer.type for layer in param.layers if layer.type in _DETECTIONS)
        return Guess("object-detection", f"the layer {kind}", "detection-output")
    if len(facts.outputs) != 1:
        return f"the {len(facts.outputs)} outputs of {net.param.name} do not tell the task"
    blob = facts.outputs[0]
    features = facts.output_features.get(blob)
    if features is None:
        return _of_joined_heads(param, blob) or f"the output of {net.param.name} does not tell the task"
    if _is_recognizer(net, features):
        return Guess("text-recognition", f"the sequence of {features} characters at the end")
    if _ends_in_a_vector(param, blob):
        return _of_vector(net, features)
    return _of_maps(net, features)


def _is_recognizer(net: NetFile, features: int) -> bool:
    types = {layer.type for layer in net.net.layers}
    reads_images = bool(types & CONVOLUTIONS)
    return features >= _FEWEST_CHARACTERS and (
        (reads_images and bool(types & _RECURRENT)) or _RECOGNIZER_NAME.search(net.param.stem) is not None
    )


def _of_joined_heads(param: Param, blob: str) -> Guess | None:
    """Detectors join the flattened maps of several strides."""
    layer = param.producer[blob]
    while layer.type in ("Permute", "Reshape", "Sigmoid") and len(layer.bottoms) == 1:
        layer = param.producer[layer.bottoms[0]]
    heads = [param.producer[bottom].type for bottom in layer.bottoms]
    if layer.type == "Concat" and len(heads) > 1 and set(heads) <= {"Reshape", "Permute", "Flatten"}:
        return Guess("object-detection", f"the {len(heads)} joined heads at the end")
    return None


def _of_vector(net: NetFile, features: int) -> Guess | str:
    if features in EMBEDDING_SIZES and not any(layer.type == "Softmax" for layer in net.net.layers):
        return (
            f"the output of {net.param.name} may be an embedding of {features} numbers, as of faces, and not the "
            "scores of classes"
        )
    reads_images = any(layer.type in CONVOLUTIONS for layer in net.net.layers)
    if features == 1 or not reads_images:
        return f"the {features} numbers at the end of {net.param.name} do not tell the task"
    return Guess("classification", f"the {features} classes at the end")


def _of_maps(net: NetFile, features: int) -> Guess | str:
    last = {layer.type for layer in net.net.layers[-_LAST_LAYERS:]}
    channels = f"the {features} output channel{'s' if features > 1 else ''}"
    if features == POSE_CHANNELS:
        return Guess("keypoints", channels, "heatmap")
    if features in _DECODER_OF_CHANNELS and (features > 1 or "Sigmoid" in last):
        return Guess("text-detection", channels, _DECODER_OF_CHANNELS[features])
    is_enlarged = any(layer.type in _ENLARGING for layer in net.net.layers)
    if "Softmax" in last and not is_enlarged:
        return Guess("classification", f"the {features} classes at the end")
    if last & (_ENLARGING | {"Softmax"}) and features > 1 and features != 3:  # three are an image again
        return Guess("semantic-segmentation", f"the {features} maps at the end")
    return f"the {features} output channel(s) of {net.param.name} do not tell the task"


def _ends_in_a_vector(param: Param, blob: str) -> bool:
    """Whether the output is one value for each class and image, not a map: fully connected, or pooled over all."""
    while True:
        layer = param.producer[blob]
        if layer.type in ("InnerProduct", "Gemm", "Reduction") or _is_global(layer):
            return True
        if layer.type in CONVOLUTIONS or len(layer.bottoms) != 1:
            return False
        blob = layer.bottoms[0]


def _is_global(layer: Layer) -> bool:
    return layer.type == "Pooling" and layer.get_int(4) == 1
