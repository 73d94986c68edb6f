"""What a loaded graph is fed and what is read of it, whatever runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.binding import Binding, BoundInput
from pytest_quant.nets.graph_runner import GraphRunner
from pytest_quant.nets.ports import Layout, Port, Scaling
from pytest_quant.spec.errors import RunnerError
from tests.unit.nets.nets import image


class Fixed:
    """Keeps what it is fed, and gives the same always."""

    def __init__(self, *outputs: NDArray[Any]) -> None:
        self.outputs = outputs
        self.fed: Mapping[str, NDArray[Any]] = {}

    def run(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        self.fed = feeds
        return list(self.outputs)

    def close(self) -> None:
        """There is nothing to free."""


def runner(session: Fixed, port: Port, output: Port, layout: Layout = "nchw", has_batch: bool = True) -> GraphRunner:
    binding = Binding({"in0": BoundInput(port, has_batch, layout)}, {"out0": output}, layout)
    return GraphRunner("net", binding, 3, session)


OPEN = Port("x", "float32", None)


def test_channels_last_go_in_and_come_out_as_channels_first() -> None:
    maps = np.arange(2 * 3 * 5, dtype=np.float32).reshape(1, 2, 3, 5)
    session = Fixed(maps)
    found = runner(session, OPEN, Port("y", "float32", None), "nhwc").run(image(4, 6))["out0"]
    assert session.fed["x"].shape == (1, 4, 6, 3)
    assert session.fed["x"].flags["C_CONTIGUOUS"]
    assert np.array_equal(session.fed["x"][0, :, :, 1], image(4, 6)[1])
    assert found.shape == (5, 2, 3)
    assert found[4, 1, 2] == maps[0, 1, 2, 4]


def test_what_is_no_image_keeps_its_order() -> None:
    rows = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    found = runner(Fixed(rows), OPEN, Port("y", "float32", None), "nhwc").run(image())["out0"]
    assert np.array_equal(found, rows[0])


def test_integers_stand_for_numbers() -> None:
    port = Port("x", "uint8", None, scaling=Scaling(0.5, 10))
    session = Fixed(np.array([[-128, 0, 127]], np.int8))
    output = Port("y", "int8", None, scaling=Scaling(0.25, -4))
    given = np.zeros((3, 1, 5), np.float32) + np.array([0, 0.5, -0.75, 1000, -1000], np.float32)
    found = runner(session, port, output).run(given)["out0"]
    assert session.fed["x"].dtype == np.uint8
    assert session.fed["x"][0, 0, 0].tolist() == [10, 11, 8, 255, 0]  # a half goes to the even number
    assert found.tolist() == [-31, 1, 32.75]


def test_without_a_batch() -> None:
    session = Fixed(np.zeros(4, np.float16))
    found = runner(session, OPEN, Port("y", "float16", None), has_batch=False).run(image())["out0"]
    assert session.fed["x"].shape == (3, 8, 8)
    assert found.shape == (4,)
    assert found.dtype == np.float32


def test_an_output_without_the_batch() -> None:
    with pytest.raises(RunnerError, match=r"the output 'y' has shape \(4,\), expected a batch of 1 in front"):
        runner(Fixed(np.zeros(4, np.float32)), OPEN, Port("y", "float32", None)).run(image())


def test_inputs_by_name() -> None:
    session = Fixed(np.zeros((1, 4), np.float32))
    port = Port("x", "float32", (1, None, None, None))
    inputs = {"in0": BoundInput(port, True, "nchw")}
    binding = Binding(inputs, {"out0": Port("y", "float32", None)}, "nchw", is_of_arrays=True)
    made = GraphRunner("net", binding, 3, session)
    made.run({"in0": image()})
    assert np.array_equal(session.fed["x"][0], image())
    with pytest.raises(RunnerError, match="no array is given for in0; given are x"):
        made.run({"x": image()})
