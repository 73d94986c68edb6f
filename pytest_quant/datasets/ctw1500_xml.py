"""The XML form of CTW1500: ``<image><box><label>text</label><segs>x1,y1,...,x14,y14</segs></box>...</image>``."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from pytest_quant.datasets.text_lines import ParsedFile
from pytest_quant.datasets.text_region import TextRegion, parse_coordinates
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

COORDINATES = 28
"""Fourteen points."""


def read_xml(file: Path) -> ParsedFile:
    """The regions of one file. None is don't care: the published evaluation reads the labels of this form as text only.

    Raises:
        DatasetError: The file cannot be read or is not well-formed XML; a document type declaration is refused.

    """
    reader = _Reader(shown(file))
    try:
        reader.parser.Parse(whole_file(file), True)
    except expat.ExpatError as error:
        reason = expat.errors.messages[error.code]
        raise DatasetError(f"{shown(file)}, line {error.lineno}: is not well-formed XML: {reason}") from error
    except OSError as error:
        raise DatasetError(f"{shown(file)} cannot be read: {error.strerror}") from error
    return ParsedFile(tuple(reader.regions), tuple(reader.problems))


class _Reader:
    """Collects the ``segs`` of every ``box``; expat, unlike the tree builders, tells the line of each."""

    def __init__(self, name: str) -> None:
        self.regions: list[TextRegion] = []
        self.problems: list[str] = []
        self._name = name
        self._text: list[str] | None = None
        self._box_line: int | None = None
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, _attributes: object) -> None:
        if tag == "box":
            self._box_line = self.parser.CurrentLineNumber
        elif tag == "segs":
            self._text = []

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        if tag == "segs" and self._text is not None:
            self._region("".join(self._text), self.parser.CurrentLineNumber)
            self._text, self._box_line = None, None
        elif tag == "box" and self._box_line is not None:
            self.problems.append(f"{self._name}, line {self._box_line}: the box has no `segs`; expected its 14 points")
            self._box_line = None

    def _region(self, text: str, line: int) -> None:
        fields = text.strip().split(",")
        try:
            if len(fields) != COORDINATES:
                raise ValueError(f"found {len(fields)} numbers in `segs`, expected {COORDINATES}: 14 points")
            self.regions.append(TextRegion(parse_coordinates(fields)))
        except ValueError as error:
            self.problems.append(f"{self._name}, line {line}: {error}")

    def _doctype(self, *_declaration: object) -> None:
        line = self.parser.CurrentLineNumber
        raise DatasetError(f"{self._name}, line {line}: has a document type declaration; expected plain XML")
