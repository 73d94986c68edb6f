"""ICDAR2015 incidental scene text, localization task: one ``gt_<image>.txt`` for each image."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.datasets.annotation_pairs import FolderOptions, Naming, open_pairs
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.text_lines import ParsedFile, read_lines
from pytest_quant.datasets.text_region import TextRegion, parse_coordinates
from pytest_quant.spec.dataset import DatasetSpec

IGNORED = "###"
"""The transcription of a don't-care region."""

_COORDINATES = 8
_PREFIX = "gt_"


class Options(FolderOptions):
    """Keys of a dataset of ``type: icdar2015``."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images with the regions of their ``gt_<image>.txt`` (without ``gt_`` it is found too); see `open_pairs`."""
    naming = Naming(frozenset({".txt"}), lambda stem: stem, lambda stem: stem.removeprefix(_PREFIX))
    return open_pairs(spec, naming, parse_file)


def parse_file(file: Path) -> ParsedFile:
    """The regions of a ground-truth file."""
    return read_lines(file, parse_line)


def parse_line(line: str) -> TextRegion:
    """``x1,y1,x2,y2,x3,y3,x4,y4,transcription``; the transcription may hold commas, ``###`` is don't care.

    Raises `ValueError` for any other line.

    >>> parse_line("0,0,9,0,9,5,0,5,Hello, world")
    TextRegion(polygon=(0.0, 0.0, 9.0, 0.0, 9.0, 5.0, 0.0, 5.0), ignore=False)
    """
    fields = line.split(",", _COORDINATES)
    if len(fields) <= _COORDINATES:
        raise ValueError(f"found {len(fields)} fields, expected x1,y1,x2,y2,x3,y3,x4,y4,transcription")
    return TextRegion(parse_coordinates(fields[:_COORDINATES]), fields[_COORDINATES].strip() == IGNORED)
