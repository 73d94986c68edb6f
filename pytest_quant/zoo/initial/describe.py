"""A pair of nets that lies in a folder without any description, as the draft of a zoo entry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.spec.text import listed, shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.guess import put_task
from pytest_quant.zoo.initial.names import base_name
from pytest_quant.zoo.initial.pairs import Pair
from pytest_quant.zoo.net_files import NetFile, put_net, put_onnx, put_table, tables_beside

SIZE = "no file tells the size of the image that the net takes: size [width, height]"
NORMALIZATION = (
    "no file tells the preprocessing that the net was trained with: mean and std of each channel in the order of "
    "`color` (rgb unless you write bgr), for pixels of 0 to 255"
)


def describe_pair(pair: Pair, all_int8: Sequence[NetFile]) -> Draft:
    """What the files of two nets tell of a zoo entry; the rest are problems that only the user can settle.

    ``all_int8``: the int8 nets of the folder, for the message where none is the pair's.
    """
    draft = Draft()
    fp32, int8 = pair.fp32, pair.int8
    put_net(draft, "fp32", fp32)
    put_onnx(draft, fp32)
    if int8 is None:
        found = listed(net.param.name for net in all_int8) or "none"
        source = "arrays" if len(fp32.facts.inputs) > 1 else "images"
        draft.problem(
            f"no int8 net is called like {fp32.param.name}; found {found}. `int8: {{calibrate: {{{source}: ...}}}}` "
            f"makes one from {source}",
            ("int8",),
        )
    else:
        put_net(draft, "int8", int8)
        put_table(draft, tables_beside(int8, fp32), base_name(int8.param.stem), fp32.param.stem)
    _blobs(draft, fp32)
    if len(fp32.facts.inputs) > 1:
        put_arrays(draft, fp32.param, fp32.facts.inputs)
        return draft
    put_task(draft, fp32)
    _input(draft, fp32)
    return draft


def put_arrays(draft: Draft, path: Path, inputs: Sequence[str]) -> None:
    """A net that takes no single image: arrays that somebody saves, and its raw outputs."""
    draft.put("outputs", "task")
    for blob in inputs:
        draft.put(blob, "inputs", blob)
    what = f"{len(inputs)} inputs" if len(inputs) > 1 else "an input that is no image"
    draft.note(
        f"{path.name} has {what}, so it is fed arrays: each with the key of its array in the .npz files of the dataset",
        ("inputs",),
    )
    draft.put(20.0, "floor", "sqnr_db")
    draft.note("a first mark, in dB: a sound int8 net has 25 to 35", ("floor",))


def _blobs(draft: Draft, net: NetFile) -> None:
    facts = net.facts
    if len(facts.inputs) == 1:
        draft.put(facts.inputs[0], "input", "blob")
    elif not facts.inputs:
        draft.problem(f"{shown(net.param)} has the inputs {listed(facts.inputs) or 'none'}", ("input", "blob"))
    if len(facts.outputs) == 1:
        draft.put(facts.outputs[0], "output")
    else:
        draft.problem(f"{shown(net.param)} has the outputs {listed(facts.outputs)}", ("output",))


def _input(draft: Draft, net: NetFile) -> None:
    blob = net.facts.inputs[0] if len(net.facts.inputs) == 1 else ""
    hint = net.facts.input_hints.get(blob, InputHint())
    if (net.facts.input_channels.get(blob) or hint.channels) == 1:
        draft.put("gray", "input", "color")
    if hint.size is not None:
        draft.put(list(hint.size), "input", "size")
        draft.note(f"the hint of the Input layer of {net.param.name}; ncnn takes other sizes too", ("input", "size"))
    elif draft.entry.get("task") != "text-detection":
        draft.problem(SIZE, ("input", "size"))
    draft.problem(NORMALIZATION, ("input", "mean"), ("input", "std"))
