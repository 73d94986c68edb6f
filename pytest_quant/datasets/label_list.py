"""Label lists: text files with ``relative/path label`` on each line."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

from pytest_quant.datasets.inside import inside, is_foreign
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.strict import whole_number
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

_LABEL_DIGITS = 9
"""No dataset has a thousand million classes; more digits are another kind of file."""


@dataclass(frozen=True)
class LabelledPath:
    """One line of a label list."""

    path: str
    """Relative POSIX path in its shortest form: ``./a//b.png`` is ``a/b.png``."""
    label: int
    line: int
    """Counted from 1."""


def read_label_list(file: Path, root: Path | None = None) -> list[LabelledPath]:
    """Parse a label list in UTF-8.

    Each line is split on its last blank, so paths may contain blanks. Blank lines are passed over. ``root`` is the
    folder of its dataset: of a list that is a link to a file elsewhere no message quotes a line.

    Raises:
        DatasetError: The file is not readable or empty, a line has no label, its label is not a class index, its path
            leaves the folder, or the same path stands in it twice.

    """
    entries: dict[str, LabelledPath] = {}
    for number, line in enumerate(_read_text(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = _parse_line(line, number)
            first = entries.setdefault(entry.path, entry)
            if first is not entry:
                raise _LineError(f"{entry.path!r} is a duplicate of line {first.line}; expected each sample once")
        except _LineError as error:
            quotes = root is None or not is_foreign(file, root)
            said = str(error) if quotes else "is not 'relative/path label'; the list is a link out of the dataset"
            raise DatasetError(f"{shown(file)}, line {number}: {said}") from (error if quotes else None)
    if not entries:
        raise DatasetError(f"{shown(file)} names no samples; expected lines of the form 'relative/path label'")
    return list(entries.values())


class _LineError(Exception):
    """What is wrong with a line."""


def _read_text(file: Path) -> str:
    try:
        return whole_file(file).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{shown(file)} is not text in UTF-8 (byte {error.start}); expected a label list") from error
    except OSError as error:
        raise DatasetError(f"{shown(file)} cannot be read: {error.strerror}") from error


def _parse_line(line: str, number: int) -> LabelledPath:
    parts = line.strip().rsplit(None, 1)
    if len(parts) != 2:
        raise _LineError(f"found {line.strip()!r}; expected 'relative/path label'")
    path, label = parts
    index = whole_number(label, most=10**_LABEL_DIGITS - 1)
    if index is None:
        raise _LineError(f"the label of {path!r} is {label!r}; expected a class index, an integer from 0 upwards")
    return LabelledPath(_inside(path), index, number)


def _inside(path: str) -> str:
    """The shortest form of a path that stays below its folder."""
    if posixpath.normpath(path) == "." or "\0" in path:
        raise _LineError(f"{path!r} is not a path of a file")
    found = inside(path)
    if found is None:
        raise _LineError(f"{path!r} leaves the dataset's folder; expected a path relative to it")
    return found
