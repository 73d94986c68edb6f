"""Ground-truth files with one region per line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.text_region import TextRegion
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

SHOWN_PROBLEMS = 5
"""How many bad lines a message spells out."""

ParseLine = Callable[[str], TextRegion]
"""A line without its end to a region; raises `ValueError` with what is wrong with it."""


@dataclass(frozen=True)
class ParsedFile:
    """What a ground-truth file holds; ``problems`` name file and line."""

    regions: tuple[TextRegion, ...]
    problems: tuple[str, ...] = ()


def read_lines(file: Path, parse: ParseLine) -> ParsedFile:
    """Parse a file in UTF-8, with or without byte order mark, with any line ends; blank lines are passed over.

    Lines end at line feeds only: a transcription may hold any other character.

    Raises:
        DatasetError: The file cannot be read or is not text in UTF-8.

    """
    regions: list[TextRegion] = []
    problems: list[str] = []
    for number, line in enumerate(read_text(file).split("\n"), start=1):
        text = line.strip("\r\ufeff").lstrip(" ")  # blanks at the end are part of a transcription
        if not text.strip(" "):
            continue
        try:
            regions.append(parse(text))
        except ValueError as error:
            problems.append(f"{shown(file)}, line {number}: {error}")
    return ParsedFile(tuple(regions), tuple(problems))


def raise_problems(where: str, problems: Iterable[str]) -> None:
    """Raise one `DatasetError` that names the first bad lines and says how many more there are; nothing for none."""
    found = list(problems)
    if not found:
        return
    more = len(found) - SHOWN_PROBLEMS
    lines: Sequence[str] = [*found[:SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
    raise DatasetError(f"{where}: the ground truth has {len(found)} bad lines:\n" + "\n".join(lines))


def read_text(file: Path) -> str:
    """The text of a file in UTF-8, with or without byte order mark; raises `DatasetError` when it is not."""
    try:
        return whole_file(file).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{shown(file)} is not text in UTF-8 (byte {error.start}); expected ground truth") from error
    except OSError as error:
        raise DatasetError(f"{shown(file)} cannot be read: {error.strerror}") from error
