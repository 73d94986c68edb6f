"""Which input is fed and which output is which blob; what does not fit is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_quant.nets.binding import Binding, BoundInput, Layouts, bind
from pytest_quant.nets.graph_format import GraphKeys
from pytest_quant.nets.layers import QuantizedLayers
from pytest_quant.nets.onnxruntime.facts import OnnxFacts
from pytest_quant.nets.onnxruntime.format import ONNXRUNTIME
from pytest_quant.nets.ports import Layout, Port, Scaling
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.net import InputSpec, ModelNet

PATH = Path("/zoo/m.onnx")
IMAGE = Port("image", "float32", (1, 3, 8, 8))
SCORES = Port("scores", "float32", (1, 10))
BOXES = Port("boxes", "float16", (1, 4))
LABEL = Port("label", "int64", (1,))


def facts(*outputs: Port, inputs: tuple[Port, ...] = (IMAGE,)) -> OnnxFacts:
    return OnnxFacts(PATH, inputs, outputs or (SCORES,), 17, {}, QuantizedLayers({}, {}), ())


def bound(
    found: OnnxFacts, *blobs: str, size: tuple[int, int] | None = (8, 8), layouts: Layouts | None = None, **names: Any
) -> Binding:
    net_input = InputSpec("in0", size, "rgb", (0.0,) * 3, (1.0,) * 3)
    net = ModelNet("onnx", ONNXRUNTIME, GraphKeys(file=PATH), net_input, blobs or ("out0",), **names)
    return bind(net, found, layouts or Layouts())


def names_of(binding: Binding) -> dict[str, str]:
    return {blob: port.name for blob, port in binding.outputs.items()}


@pytest.mark.parametrize(
    ("outputs", "blobs", "expected"),
    [
        ((SCORES,), ("prob",), {"prob": "scores"}),  # one of each
        ((BOXES, SCORES), ("scores",), {"scores": "scores"}),  # by name
        ((BOXES, SCORES), ("out1", "out0"), {"out1": "scores", "out0": "boxes"}),  # by pnnx's numbers
        ((LABEL, SCORES), ("out1",), {"out1": "scores"}),
    ],
)
def test_outputs_that_can_be_told(outputs: tuple[Port, ...], blobs: tuple[str, ...], expected: dict[str, str]) -> None:
    assert names_of(bound(facts(*outputs), *blobs)) == expected


def test_outputs_that_the_entry_names() -> None:
    found = bound(facts(BOXES, SCORES), "a", "b", output_names=("scores", "boxes"))
    assert names_of(found) == {"a": "scores", "b": "boxes"}


@pytest.mark.parametrize(
    ("outputs", "blobs", "names", "words"),
    [
        ((BOXES, SCORES), ("prob",), {}, "which of them the blobs prob are cannot be told"),
        ((BOXES, SCORES), ("out2",), {}, "cannot be told"),
        ((BOXES, SCORES), ("prob",), {"output_names": ("score",)}, "has no output 'score'. Did you mean `scores`?"),
        (
            (BOXES, SCORES),
            ("a", "b"),
            {"output_names": ("scores",)},
            "found 1 names, expected one for each of the 2",
        ),
        ((LABEL,), ("prob",), {}, "the output label (int64 1) is not a float type"),
        ((SCORES,), ("prob",), {"input_name": "data"}, "input: found 'data', expected the input of /zoo/m.onnx: image"),
    ],
)
def test_outputs_and_names_that_do_not_fit(
    outputs: tuple[Port, ...], blobs: tuple[str, ...], names: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(facts(*outputs), *blobs, **names)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "has_batch"),
    [((1, 3, 8, 8), True), ((None, 3, None, None), True), ((3, 8, 8), False), ((None,) * 4, True), (None, True)],
)
def test_batch(shape: tuple[int | None, ...] | None, has_batch: bool) -> None:
    assert bound(facts(inputs=(Port("x", "float16", shape),))).has_batch is has_batch


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ((), "has 0 inputs (none), expected one"),
        ((IMAGE, SCORES), "has 2 inputs (image (float32 1 x 3 x 8 x 8), scores (float32 1 x 10)), expected one"),
        ((Port("x", "uint8", (1, 3, 8, 8)),), "takes uint8, expected a float type"),
        ((Port("x", "float32", (8, 3, 8, 8)),), "fixes the batch to 8"),
        ((Port("x", "float32", (1, 192)),), "has 2 dimensions, expected (batch, channels, height, width)"),
        ((Port("x", "float32", (1, 1, 8, 8)),), "takes 1 channels, input.color rgb gives 3"),
        ((Port("x", "float32", (1, 8, 8, 4)),), "takes 8 channels, input.color rgb gives 3"),
        ((Port("x", "float32", (1, 3, 4, 8)),), "fixes width and height to [8, 4], input.size is [8, 8]"),
    ],
)
def test_inputs_that_do_not_fit(inputs: tuple[Port, ...], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bound(facts(inputs=inputs))
    assert words in str(caught.value)


def test_a_fixed_size_where_images_keep_their_own_is_the_runner_s_to_check() -> None:
    assert bound(facts(), size=None).inputs == {"in0": BoundInput(IMAGE, True, "nchw")}


@pytest.mark.parametrize(
    ("shape", "told", "layouts", "expected"),
    [
        ((1, 3, 8, 8), None, Layouts(), "nchw"),
        ((1, 8, 8, 3), None, Layouts(), "nhwc"),
        ((8, 8, 3), None, Layouts(), "nhwc"),  # without a batch
        ((None, None, None, 3), None, Layouts(), "nhwc"),
        ((None, None, None, None), None, Layouts(), "nchw"),
        ((None, None, None, None), None, Layouts("nhwc"), "nhwc"),  # as is usual for the format
        ((1, 3, 3, 3), None, Layouts("nhwc"), "nhwc"),
        ((1, 3, 3, 3), "nchw", Layouts("nhwc"), "nchw"),  # the file tells
        ((1, 3, 3, 3), "nchw", Layouts("nchw", "nhwc"), "nhwc"),  # the entry has the last word
        (None, None, Layouts(), "nchw"),
    ],
)
def test_layout(shape: tuple[int | None, ...] | None, told: Layout | None, layouts: Layouts, expected: Layout) -> None:
    found = bound(facts(inputs=(Port("x", "float32", shape, layout=told),)), size=None, layouts=layouts)
    assert found.inputs["in0"].layout == found.output_layout == expected


def test_outputs_in_a_layout_of_their_own() -> None:
    found = bound(facts(), layouts=Layouts(output="nhwc"))
    assert (found.inputs["in0"].layout, found.output_layout) == ("nchw", "nhwc")


def test_a_size_in_the_other_layout() -> None:
    image = Port("x", "float32", (1, 8, 4, 3))
    with pytest.raises(ConfigError, match=r"fixes width and height to \[4, 8\], input.size is \[8, 8\]"):
        bound(facts(inputs=(image,)))
    assert bound(facts(inputs=(image,)), size=(4, 8)).inputs["in0"].layout == "nhwc"
    gray = InputSpec("in0", (4, 8), "gray", (0.0,), (1.0,))
    net = ModelNet("n", "f", None, gray, ("prob",))
    with pytest.raises(ConfigError, match=r"takes 3 channels, input.color gray gives 1: its layout is nhwc"):
        bind(net, facts(inputs=(image,)), Layouts("nhwc"))


def test_names_that_a_file_gives_besides() -> None:
    image = Port("serving_default_x:0", "float32", (1, 3, 8, 8), ("x",))
    outputs = (Port("call:1", "float32", (1, 4), ("boxes",)), Port("call:0", "float32", (1, 10), ("scores",)))
    found = bound(facts(*outputs, inputs=(image,)), "scores", "boxes", input_name="x")
    assert names_of(found) == {"scores": "call:0", "boxes": "call:1"}
    with pytest.raises(ConfigError, match=r"found 'y', expected the input of /zoo/m.onnx: serving_default_x:0 or x"):
        bound(facts(*outputs, inputs=(image,)), "scores", "boxes", input_name="y")


def test_integers_with_a_scale_are_numbers() -> None:
    image = Port("x", "int8", (1, 3, 8, 8), scaling=Scaling(0.5, -3))
    assert bound(facts(inputs=(image,))).inputs["in0"].port == image
