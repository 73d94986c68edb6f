"""Nets whose files are missing, damaged, of another model or of the other side fail before anything loads them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests import tiny
from tests.integration.broken import Broken, BrokenZoo, Change, Entry, put


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


def three_classes(entry: Entry, folder: Path) -> None:
    path = folder / entry["fp32"]["param"]
    path.write_text(path.read_text().replace("0=4 1=1 5=1 6=12", "0=3 1=1 5=1 6=9"))
    weights = folder / entry["fp32"]["bin"]
    weights.write_bytes(weights.read_bytes()[: 4 + 36 + 12])


def nan_weight(entry: Entry, folder: Path) -> None:
    path = folder / entry["fp32"]["bin"]
    data = path.read_bytes()
    path.write_bytes(data[:4] + struct.pack("<f", float("nan")) + data[8:])


FILES_THAT_ARE_NOT_THERE = [
    Broken(
        put("nope.param", "fp32", "param"), "fp32.param", "nope.param does not exist; paths are relative to the zoo"
    ),
    Broken(put("nope.bin", "int8", "bin"), "int8.bin", "nope.bin does not exist"),
    Broken(put("nope.table", "int8", "table"), "int8.table", "nope.table does not exist"),
    Broken(put("images", "fp32", "bin"), "fp32.bin", "images is a folder"),
    Broken(
        put("${QUANT_UNSET}/a.bin", "fp32", "bin"), "fp32.bin", "variable QUANT_UNSET of '${QUANT_UNSET}/a.bin' is "
    ),
    Broken(put("~nosuchuser/a.bin", "fp32", "bin"), "fp32.bin", "~nosuchuser/a.bin does not exist"),
    Broken(put("x" * 5000, "fp32", "bin"), "fp32.bin", "cannot be looked at: File name too long"),
]


def lfs_pointer(side: str, key: str) -> Change:
    """Put what Git LFS keeps in the place of a file that was not fetched."""

    def change(entry: Entry, folder: Path) -> None:
        path = folder / entry[side][key]
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n")

    return change


FILES_THAT_DO_NOT_FIT = [
    Broken(
        lfs_pointer("fp32", "bin"), "", "NAME.bin is a Git LFS pointer in place of the file: fetch it with `git lfs"
    ),
    Broken(lfs_pointer("int8", "param"), "", "NAME-int8.param is a Git LFS pointer in place of the file"),
    Broken(
        swap, "", "NAME-int8.param is an int8 net (1 quantized layers), and NAME.param under `int8` is a float net: "
    ),
    Broken(int8_twice, "", "and so is int8: name the net before quantization under `fp32`"),
    Broken(put("in0", "input", "blob"), "", "input.blob: found 'in0', expected the input of NAME.param (fp32): data"),
    Broken(
        put("probs", "output"), "", "output: NAME.param (fp32) has no blob 'probs'. Did you mean `prob`? Its last bl"
    ),
    Broken(gray, "", "input.color: gray gives 1 channels, NAME.param (fp32) takes 3 in 'data'"),
    Broken(four_channels, "", "input.color: rgb gives 3 channels, four.param (fp32) takes 4 in 'data'"),
    Broken(three_classes, "", "output 'prob' has 3 channels in fp32 and 4 in int8: these are files of two models"),
    Broken(cut("fp32", 5), "", "NAME.bin: the file ends inside layer 'conv' (Convolution, "),
    Broken(cut("int8", 4), "", "NAME-int8.bin: the file ends inside layer 'conv' (Convolution, "),
    Broken(lengthen("fp32", 4), "", "NAME.bin: 4 bytes are left over"),
    Broken(lengthen("int8", 8), "", "NAME-int8.bin: 8 bytes are left over"),
    Broken(bin_of_another_model, "", "four.bin: 16 bytes are left over"),
    Broken(int8_bin_for_fp32, "", "the .bin is of the int8 model and the .param of the fp32 one"),
    Broken(fp32_bin_for_int8, "", "NAME.bin is the float model's .bin"),
    Broken(nan_weight, "", "the weight of layer 'conv' (Convolution) holds nan"),
    Broken(edit_param("fp32", "7767517", "7767518"), "", "NAME.param:1: found '7767518', expected the magic number 77"),
    Broken(
        edit_param("int8", "conv pool 0=1", "konv pool 0=1"), "", "NAME-int8.param:5: layer 'pool' (Pooling) reads "
    ),
]
BROKEN = [*FILES_THAT_ARE_NOT_THERE, *FILES_THAT_DO_NOT_FIT]
ZOO_OF_BROKEN = BrokenZoo(BROKEN)


@pytest.mark.parametrize("way", BROKEN, ids=str)
def test_the_message(pytester: pytest.Pytester, way: Broken) -> None:
    ZOO_OF_BROKEN.check(pytester, way)


def test_the_other_models_run(pytester: pytest.Pytester) -> None:
    ZOO_OF_BROKEN.check_the_rest(pytester)
