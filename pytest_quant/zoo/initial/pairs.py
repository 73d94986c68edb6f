"""Float and int8 nets that lie in a folder without any description, as drafts of zoo entries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.nets.ncnn.files.param import read_param
from pytest_quant.spec.text import listed, shown
from pytest_quant.zoo.draft import Draft, Keys
from pytest_quant.zoo.net_files import FolderOfNets, NetFile, put_net, put_onnx, put_table

_PRECISION = re.compile(r"[-_.]?(int8|quant(ized)?|fp32|float32|float)(?=[-_.]|$)", re.IGNORECASE)
_DECODER_OF_CHANNELS = {1: "db", 5: "textsnake", 6: "pan"}
_PROFILES = {"db": "mmocr, original, paddle", "textsnake": "mmocr-0.x, mmocr-1.x", "pan": "mmocr-0.x, mmocr-1.x"}
_POSE_CHANNELS = 17
_LAST_LAYERS = 4


def pairs(nets: FolderOfNets) -> Iterator[tuple[NetFile, NetFile | None]]:
    """Each float net with its int8 net: the one whose name differs in the precision only, or the only one there is."""
    for net in nets.float_nets:
        same = [one for one in nets.int8_nets if base_name(one) == base_name(net)]
        if len(nets.float_nets) == len(nets.int8_nets) == 1:
            same = list(nets.int8_nets)
        yield net, same[0] if len(same) == 1 else None


def base_name(net: NetFile) -> str:
    """The name of a net without its precision.

    >>> from pytest_quant.nets.ncnn.files.facts import NetFacts
    >>> _PRECISION.sub("", "resnet-int8"), _PRECISION.sub("", "resnet_fp32_v2"), _PRECISION.sub("", "floats")
    ('resnet', 'resnet_v2', 'floats')
    """
    return _PRECISION.sub("", net.param.stem)


def describe_pair(fp32: NetFile, int8: NetFile | None, all_int8: tuple[NetFile, ...]) -> Draft:
    """What the files of two nets tell of a zoo entry; the rest are problems that only the user can settle."""
    draft = Draft()
    put_net(draft, "fp32", fp32)
    put_onnx(draft, fp32)
    if int8 is None:
        found = listed(net.param.name for net in all_int8) or "none"
        draft.problem(
            f"no int8 net is called like {fp32.param.name}; found {found}. `int8: {{calibrate: {{images: ...}}}}` "
            "makes one from images",
            ("int8",),
        )
    else:
        put_net(draft, "int8", int8)
        put_table(draft, fp32.param.parent, fp32)
    _blobs(draft, fp32)
    _task(draft, fp32)
    _input(draft, fp32)
    return draft


def _blobs(draft: Draft, net: NetFile) -> None:
    facts = net.facts
    if len(facts.inputs) == 1:
        draft.put(facts.inputs[0], "input", "blob")
    else:
        draft.problem(f"{shown(net.param)} has the inputs {listed(facts.inputs) or 'none'}", ("input", "blob"))
    if len(facts.outputs) == 1:
        draft.put(facts.outputs[0], "output")
    else:
        draft.problem(f"{shown(net.param)} has the outputs {listed(facts.outputs)}", ("output",))


def _task(draft: Draft, net: NetFile) -> None:
    """A guess at the task from the last layers, which says so."""
    features = net.facts.output_features.get(net.facts.outputs[0]) if len(net.facts.outputs) == 1 else None
    last = [layer.type for layer in read_param(net.param).layers[-_LAST_LAYERS:]]
    if features is not None and {"InnerProduct", "Gemm", "Softmax"} & set(last):
        draft.put("classification", "task")
        draft.note(f"guessed from the {features} classes at the end of {net.param.name}", ("task",))
    elif features == _POSE_CHANNELS:
        draft.put("keypoints", "task")
        draft.put("heatmap", "postprocess", "decoder")
        draft.note(f"guessed from the {features} output channels of {net.param.name}", ("task",))
    elif features in _DECODER_OF_CHANNELS:
        draft.put("text-detection", "task")
        decoder = _DECODER_OF_CHANNELS[features]
        draft.put(decoder, "postprocess", "decoder")
        draft.note(
            f"guessed, too; whose parameters it has, `profile` says: {_PROFILES[decoder]} (the first is the default)",
            ("postprocess",),
        )
        draft.note(f"guessed from the {features} output channel(s) of {net.param.name}", ("task",))
    else:
        draft.problem(f"the output of {net.param.name} does not tell the task", ("task",))


def _input(draft: Draft, net: NetFile) -> None:
    blob = net.facts.inputs[0] if len(net.facts.inputs) == 1 else ""
    hint = net.facts.input_hints.get(blob, InputHint())
    if (net.facts.input_channels.get(blob) or hint.channels) == 1:
        draft.put("gray", "input", "color")
    unknown: list[Keys] = [("input", "mean"), ("input", "std")]
    if hint.size is not None:
        draft.put(list(hint.size), "input", "size")
        draft.note(f"the hint of the Input layer of {net.param.name}; ncnn takes other sizes too", ("input", "size"))
    elif draft.entry.get("task") != "text-detection":
        unknown.insert(0, ("input", "size"))
    draft.problem(
        "no file tells the preprocessing that the net was trained with: size [width, height], and mean and std of each "
        "channel in the order of `color` (rgb unless you write bgr), for pixels of 0 to 255",
        *unknown,
    )


def nets_without_pair(nets: FolderOfNets) -> list[Path]:
    """The int8 nets that no float net is called like."""
    taken = {int8.param for _, int8 in pairs(nets) if int8 is not None}
    return [net.param for net in nets.int8_nets if net.param not in taken]
