"""What the classes of images are called, where files or folders beside them say it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pytest_quant.datasets.base import Sample
from pytest_quant.spec.whole_file import whole_file

FILES = ("classes.txt", "synset_words.txt", "synsets.txt")
"""A name per line, in the order of the class indexes; behind a WordNet id up to a comma."""
_WORDNET = re.compile(r"^(n\d{8})(?:\s+(.*))?$")
_MOST = 100_000
_MOST_BYTES = 100 * _MOST


def class_names(folders: Iterable[Path], samples: Sequence[Sample]) -> tuple[str, ...] | None:
    """The names in the first of the files in one of the folders that has enough of them, else those of class folders.

    None where neither tells: names are for the eye, so a file that is something else is passed over.
    """
    count = 1 + max((sample.truth for sample in samples), default=-1)
    if not 0 < count <= _MOST:
        return None
    for folder in folders:
        for name in FILES:
            found = _in_file(folder / name, count)
            if found is not None:
                return found
    return _of_folders(samples, count)


def _in_file(path: Path, count: int) -> tuple[str, ...] | None:
    try:
        lines = [line.strip() for line in whole_file(path, _MOST_BYTES).decode("utf-8-sig").split("\n")[:_MOST]]
    except (OSError, UnicodeDecodeError):
        return None
    while lines and not lines[-1]:
        lines.pop()
    names = tuple(map(_name, lines))
    return names if len(names) >= count and all(names) else None


def _name(line: str) -> str:
    """The words of a line.

    >>> _name("n01440764 tench, Tinca tinca"), _name("n01440764"), _name("polar bear")
    ('tench', 'n01440764', 'polar bear')
    """
    found = _WORDNET.match(line)
    return line if found is None else (found[2] or found[1]).partition(",")[0].strip()


def _of_folders(samples: Sequence[Sample], count: int) -> tuple[str, ...] | None:
    """Those of the folders, where each holds the images of one class and each class has one; classes without, a number.

    >>> cats, dogs = Sample("val/cat/1.png", 0, 0), Sample("val/dog/1.png", 2, 0)
    >>> _of_folders([cats, dogs], 3), _of_folders([cats, Sample("val/cat/2.png", 2, 0)], 3)
    (('cat', '1', 'dog'), None)
    """
    pairs = {(sample.truth, posixpath.dirname(sample.id)) for sample in samples}
    folders = {folder for _, folder in pairs}
    if not len(pairs) == len(folders) == len({label for label, _ in pairs}) or len(folders) < 2:
        return None
    names = {label: posixpath.basename(folder) for label, folder in pairs}
    return tuple(names.get(label, str(label)) for label in range(count))
