"""CTW1500, curved text: one file of polygons with 14 points for each image, in any of its three published forms.

* updated test set, ``0001001.txt``: ``x1,y1,...,x14,y14,####transcription``; the transcription ``###`` is don't care;
* training set, ``0001.xml``: see `pytest_quant.datasets.ctw1500_xml`; nothing in it is don't care;
* first release, ``1001.txt``: 32 numbers, a box ``left,top,right,bottom`` and 14 offsets ``dx,dy`` from its corner.
"""

from __future__ import annotations

from pathlib import Path

from pytest_quant.datasets.annotation_pairs import FolderOptions, Naming, number_key, open_pairs
from pytest_quant.datasets.ctw1500_xml import COORDINATES, read_xml
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.text_lines import ParsedFile, read_lines
from pytest_quant.datasets.text_region import TextRegion, parse_coordinates
from pytest_quant.spec.dataset import DatasetSpec

IGNORED = "###"
"""The transcription of a don't-care region."""

_MARK = "####"
"""Stands before each transcription."""
_BOX = 4


class Ctw1500Options(FolderOptions):
    """Keys of a dataset of ``type: ctw1500``."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images with the regions of the file of the same number, leading zeros or not; see `open_pairs`."""
    return open_pairs(spec, Naming(frozenset({".txt", ".xml"}), number_key, number_key), parse_file)


def parse_file(file: Path) -> ParsedFile:
    """The regions of an annotation file in any of the three forms."""
    return read_xml(file) if file.suffix.lower() == ".xml" else read_lines(file, parse_line)


def parse_line(line: str) -> TextRegion:
    """A line of either text form; the transcription may hold commas. Raises `ValueError` for any other line."""
    fields = line.split(",", COORDINATES)
    if len(fields) > COORDINATES and fields[COORDINATES].startswith(_MARK):
        text = fields[COORDINATES].removeprefix(_MARK)
        return TextRegion(parse_coordinates(fields[:COORDINATES]), text.strip() == IGNORED)
    fields = line.split(",")
    if len(fields) != _BOX + COORDINATES:
        raise ValueError(
            f"found {len(fields)} fields, expected x1,y1,...,x14,y14,####transcription, or the 32 numbers of the "
            "first release"
        )
    numbers = parse_coordinates(fields)
    left, top = numbers[:2]
    return TextRegion(tuple((top if i % 2 else left) + offset for i, offset in enumerate(numbers[_BOX:])))
