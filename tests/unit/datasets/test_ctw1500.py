from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.datasets import ctw1500
from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import DatasetError

from .text_specs import text_spec, write_text_dataset

POINTS = tuple(float(number) for number in range(100, 128))
NUMBERS = ",".join(f"{number:g}" for number in POINTS)
XML = """<?xml version="1.0" encoding="utf-8"?>
<Annotations>
  <image file="0001.jpg">
    <box height="71" left="1" top="2" width="3">
      <label>Caf\u00e9 &amp; Bar</label>
      <segs>{first}</segs>
      <pts>1,2</pts>
    </box>
    <box><label>###</label><segs>
      {second}
    </segs></box>
  </image>
</Annotations>
"""


def regions_of(tmp_path: Path, name: str, content: str) -> tuple[TextRegion, ...]:
    write_text_dataset(tmp_path, {name: content}, ["1.png"])
    (sample,) = ctw1500.open_dataset(text_spec(ctw1500, tmp_path)).samples
    truth: tuple[TextRegion, ...] = sample.truth
    return truth


def test_the_updated_test_set(tmp_path: Path) -> None:
    lines = [f"{NUMBERS},####COFFEE", f"{NUMBERS},#######", f"{NUMBERS},####Hello, world", f"{NUMBERS},####", ""]
    regions = regions_of(tmp_path, "0001.txt", "\n".join(lines))
    assert regions == (TextRegion(POINTS), TextRegion(POINTS, ignore=True), TextRegion(POINTS), TextRegion(POINTS))


def test_the_first_release(tmp_path: Path) -> None:
    offsets = [value for index in range(14) for value in (index, 10 + index)]
    line = ",".join(map(str, [200, 300, 260, 340, *offsets]))
    (region,) = regions_of(tmp_path, "1.txt", line)
    assert region.ignore is False
    assert region.polygon[:4] == (200.0, 310.0, 201.0, 311.0)
    assert region.polygon[-2:] == (213.0, 323.0)
    assert len(region.polygon) == 28


def test_the_xml_form_has_no_dont_care(tmp_path: Path) -> None:
    assert regions_of(tmp_path, "0001.xml", XML.format(first=NUMBERS, second=NUMBERS)) == (TextRegion(POINTS),) * 2


def test_names_agree_up_to_leading_zeros(tmp_path: Path) -> None:
    files = {"0001002.txt": f"{NUMBERS},####b", "0001001.txt": f"{NUMBERS},####a", "000.txt": ""}
    write_text_dataset(tmp_path, files, ["1002.png", "1001.png", "0.png"])
    samples = ctw1500.open_dataset(text_spec(ctw1500, tmp_path)).samples
    assert [(sample.id, len(sample.truth)) for sample in samples] == [("0.png", 0), ("1001.png", 1), ("1002.png", 1)]


def test_two_files_for_one_number(tmp_path: Path) -> None:
    write_text_dataset(tmp_path, {"01.txt": "", "1.xml": ""}, ["1.png"])
    with pytest.raises(DatasetError, match=r"'01\.txt' and '1\.xml' are for the same sample"):
        ctw1500.open_dataset(text_spec(ctw1500, tmp_path))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (NUMBERS, "found 28 fields, expected x1,y1,...,x14,y14,####transcription, or the 32 numbers"),
        (f"{NUMBERS},COFFEE", "found 29 fields"),
        (f"1,{NUMBERS},####x", "found 30 fields"),
        (f"{NUMBERS},1,2,3,x", "'x' is not a number"),
        (NUMBERS.replace("105", "inf") + ",####x", "'inf' is not a coordinate"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(DatasetError, match=r"0001\.txt, line 2: ") as caught:
        regions_of(tmp_path, "0001.txt", f"{NUMBERS},####x\n{line}\n")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("second", "said"),
    [("1,2,3", "found 3 numbers in `segs`, expected 28"), (NUMBERS.replace("110", "ten"), "'ten' is not a number")],
)
def test_bad_boxes_are_named_with_their_line(tmp_path: Path, second: str, said: str) -> None:
    with pytest.raises(DatasetError, match=r"has 1 bad lines:\n.*0001\.xml, line 11: ") as caught:
        regions_of(tmp_path, "0001.xml", XML.format(first=NUMBERS, second=second))
    assert said in str(caught.value)


def test_a_box_without_points(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"0001\.xml, line 2: the box has no `segs`"):
        regions_of(tmp_path, "0001.xml", "<a><image>\n<box><label>x</label></box></image></a>")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("<a><b></a>", "line 1: is not well-formed XML: mismatched tag"),
        ("", "is not well-formed XML: no element found"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', "line 1: has a document type declaration"),
    ],
)
def test_other_xml_is_refused(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(DatasetError, match=r"0001\.xml") as caught:
        regions_of(tmp_path, "0001.xml", content)
    assert said in str(caught.value)
