"""Nets whose files are missing, damaged, of another model or of the other side fail before anything loads them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests import tiny
from tests.integration.broken import Change, Entry, check_only_this_fails, put


def cut(side: str, count: int) -> Change:
    """Cut bytes off the end of a ``.bin``."""

    def change(entry: Entry, folder: Path) -> None:
        path = folder / entry[side]["bin"]
        path.write_bytes(path.read_bytes()[:-count])

    return change


def lengthen(side: str, count: int) -> Change:
    """Put bytes behind the end of a ``.bin``."""

    def change(entry: Entry, folder: Path) -> None:
        path = folder / entry[side]["bin"]
        path.write_bytes(path.read_bytes() + bytes(count))

    return change


def edit_param(side: str, old: str, new: str) -> Change:
    """Replace some text of a ``.param``."""

    def change(entry: Entry, folder: Path) -> None:
        path = folder / entry[side]["param"]
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def swap(entry: Entry, _: Path) -> None:
    entry["fp32"], entry["int8"] = entry["int8"], entry["fp32"]


def int8_twice(entry: Entry, _: Path) -> None:
    entry["fp32"] = entry["int8"]


def bin_of_another_model(entry: Entry, folder: Path) -> None:
    entry["fp32"]["bin"] = tiny.write_net(folder, "four", channels=4)["bin"]


def int8_bin_for_fp32(entry: Entry, _: Path) -> None:
    entry["fp32"]["bin"] = entry["int8"]["bin"]


def fp32_bin_for_int8(entry: Entry, _: Path) -> None:
    entry["int8"]["bin"] = entry["fp32"]["bin"]


def four_channels(entry: Entry, folder: Path) -> None:
    entry["fp32"] = tiny.write_net(folder, "four", channels=4)


def gray(entry: Entry, _: Path) -> None:
    entry["input"] = {"blob": "data", "size": [8, 8], "color": "gray"}


def nan_weight(entry: Entry, folder: Path) -> None:
    path = folder / entry["fp32"]["bin"]
    data = path.read_bytes()
    path.write_bytes(data[:4] + struct.pack("<f", float("nan")) + data[8:])


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        (
            put("nope.param", "fp32", "param"),
            "fp32.param",
            "nope.param does not exist; paths are relative to the zoo f",
        ),
        (put("nope.bin", "int8", "bin"), "int8.bin", "nope.bin does not exist"),
        (put("nope.table", "int8", "table"), "int8.table", "nope.table does not exist"),
        (put("images", "fp32", "bin"), "fp32.bin", "images is a folder"),
        (
            put("${QUANT_UNSET}/a.bin", "fp32", "bin"),
            "fp32.bin",
            "environment variable QUANT_UNSET of '${QUANT_UNSET}/",
        ),
    ],
)
def test_files_that_are_not_there(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, change: Change, key: str, says: str
) -> None:
    monkeypatch.delenv("QUANT_UNSET", raising=False)
    check_only_this_fails(pytester, change, key, says)


@pytest.mark.parametrize(
    ("change", "key", "says"),
    [
        (
            swap,
            "",
            "fp32: broken-int8.param is an int8 net (1 quantized layers), and broken.param under `int8` is a float",
        ),
        (int8_twice, "", "and so is int8: name the net before quantization under `fp32`"),
        (put("in0", "input", "blob"), "", "input.blob: found 'in0', expected the input of broken.param (fp32): data"),
        (
            put("probs", "output"),
            "",
            "output: broken.param (fp32) has no blob 'probs'. Did you mean `prob`? Its last bl",
        ),
        (gray, "", "input.color: gray gives 1 channels, broken.param (fp32) takes 3 in 'data'"),
        (four_channels, "", "input.color: rgb gives 3 channels, four.param (fp32) takes 4 in 'data'"),
        (edit_param("fp32", "0 1 data", "0 1 data 0=16 1=16 2=3"), "", "(fp32) fixes width and height to [16, 16]"),
        (cut("fp32", 5), "", "broken.bin: the file ends inside layer 'conv' (Convolution, "),
        (cut("int8", 4), "", "broken-int8.bin: the file ends inside layer 'conv' (Convolution, "),
        (lengthen("fp32", 4), "", "broken.bin: 4 bytes are left over"),
        (lengthen("int8", 8), "", "broken-int8.bin: 8 bytes are left over"),
        (bin_of_another_model, "", "four.bin: 16 bytes are left over"),
        (int8_bin_for_fp32, "", "the .bin is of the int8 model and the .param of the fp32 one"),
        (fp32_bin_for_int8, "", "broken.bin is the float model's .bin"),
        (nan_weight, "", "the weight of layer 'conv' (Convolution) holds nan"),
        (
            edit_param("fp32", "7767517", "7767518"),
            "",
            "broken.param:1: found '7767518', expected the magic number 7767",
        ),
        (
            edit_param("int8", "conv pool 0=1", "konv pool 0=1"),
            "",
            "broken-int8.param:5: layer 'pool' (Pooling) reads ",
        ),
    ],
)
def test_files_that_do_not_fit(pytester: pytest.Pytester, change: Change, key: str, says: str) -> None:
    check_only_this_fails(pytester, change, key, says)
