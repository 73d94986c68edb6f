"""ICDAR2015 incidental scene text, localization task: one ``gt_<image>.txt`` for each image.

What is don't care follows the official evaluation script (task 4.1, ``rrc_evaluation_funcs.py``): surrounding double
quotes are stripped, then the transcription is ``###`` exactly; with a blank around it, it is a text to be found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pytest_quant.datasets.annotation_pairs import FolderOptions, Naming, open_pairs
from pytest_quant.datasets.files import ImageFiles
from pytest_quant.datasets.text_lines import ParsedFile, read_lines
from pytest_quant.datasets.text_region import TextRegion, parse_coordinates
from pytest_quant.spec.dataset import DatasetSpec

DONT_CARE = ("###",)
"""The transcriptions of don't-care regions, where the dataset names no others."""

_COORDINATES = 8
_PREFIX = "gt_"
_QUOTED = re.compile(r'\s*"(.*)"\s*')


class Icdar2015Options(FolderOptions):
    """Keys of a dataset of ``type: icdar2015``."""

    dont_care: tuple[str, ...] = DONT_CARE
    """Transcriptions, without surrounding quotes, of regions that are not to be found."""
    language_field: bool = False
    """Whether a language or script stands between the coordinates and the transcription, as in MLT: ``Latin,###``."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images with the regions of their ``gt_<image>.txt`` (without ``gt_`` it is found too); see `open_pairs`."""
    naming = Naming(frozenset({".txt"}), lambda stem: stem, lambda stem: stem.removeprefix(_PREFIX))
    options: Icdar2015Options = spec.options
    parse = partial(parse_file, dont_care=options.dont_care, language_field=options.language_field)
    return open_pairs(spec, naming, parse)


def parse_file(file: Path, *, dont_care: Sequence[str] = DONT_CARE, language_field: bool = False) -> ParsedFile:
    """The regions of a ground-truth file."""
    return read_lines(file, partial(parse_line, dont_care=dont_care, language_field=language_field))


def parse_line(line: str, *, dont_care: Sequence[str] = DONT_CARE, language_field: bool = False) -> TextRegion:
    """``x1,y1,x2,y2,x3,y3,x4,y4,transcription``; the transcription may hold commas and stand in double quotes.

    With ``language_field`` a language stands before the transcription. Raises `ValueError` for any other line.

    >>> parse_line("0,0,9,0,9,5,0,5,Hello, world").text
    'Hello, world'
    >>> parse_line('0,0,9,0,9,5,0,5,"###"').ignore, parse_line("0,0,9,0,9,5,0,5, ###").ignore
    (True, False)
    """
    fields = line.split(",", _COORDINATES)
    if len(fields) <= _COORDINATES:
        raise ValueError(f"found {len(fields)} fields, expected x1,y1,x2,y2,x3,y3,x4,y4,transcription")
    written = fields[_COORDINATES]
    if language_field:
        _, comma, written = written.partition(",")
        if not comma:
            raise ValueError("found no language before the transcription, as `language_field: true` expects")
    text = unquoted(written)
    return TextRegion(parse_coordinates(fields[:_COORDINATES]), text in dont_care, text)


def unquoted(text: str) -> str:
    r"""A transcription without surrounding double quotes, as the official script strips them.

    >>> unquoted(' "a \\"b\\"" '), unquoted(' a')
    ('a "b"', ' a')
    """
    quoted = _QUOTED.fullmatch(text)
    return text if quoted is None else quoted[1].replace("\\\\", "\\").replace('\\"', '"')
