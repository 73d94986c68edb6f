"""What every JSON file of COCO is made of: images by id, and rows that are checked field by field."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeGuard, TypeVar

from pytest_quant.datasets.files import missing_files, where
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file

_LISTS = ("images", "annotations", "categories")
_LISTS_TEXT = "images, annotations and categories"


class _Annotated(Protocol):
    @property
    def id(self) -> int: ...


AnnotatedT = TypeVar("AnnotatedT", bound=_Annotated)


@dataclass(frozen=True)
class CocoImage:
    """An image that the annotations declare."""

    id: int
    file_name: str
    """Relative POSIX path."""
    width: int
    height: int


_MOST_JSON = 4 << 30
"""Annotations of the largest public datasets have a gigabyte."""


_JSON = b"{[ \t\r\n\xef"
"""What it may begin with, a byte order mark included."""


class RowError(Exception):
    """What is wrong with one entry of a file."""


def read_json(path: Path) -> object:
    """The content of a file; raises `DatasetError` when it cannot be read or is not JSON."""
    try:
        return parse_json(whole_file(path, _MOST_JSON, begins=_JSON))
    except OSError as error:
        raise DatasetError(f"{shown(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:  # UnicodeDecodeError and JSONDecodeError are such
        raise DatasetError(f"{shown(path)} is not JSON: {error}") from error


def read_lists(path: Path) -> Mapping[str, Sequence[object]]:
    """The lists ``images``, ``annotations`` and ``categories`` of an annotations file; raises `DatasetError`."""
    data = read_json(path)
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in _LISTS):
        raise DatasetError(
            f"{shown(path)} is not a COCO annotations file; expected an object with the lists {_LISTS_TEXT}"
        )
    return data


def read_images(path: Path, rows: Iterable[object]) -> dict[int, CocoImage]:
    """The images of an annotations file by id, in the order of the file; raises `DatasetError` naming the row."""
    images: dict[int, CocoImage] = {}
    for index, row in enumerate(rows):
        try:
            image = _image(row)
            if image.id in images:
                raise RowError(f"its id {image.id} stands there twice")
        except RowError as error:
            raise DatasetError(f"{shown(path)}: images[{index}]: {error}") from error
        images[image.id] = image
    return images


def read_annotated(
    path: Path, rows: Iterable[object], read: Callable[[object], tuple[int, AnnotatedT | None]]
) -> Iterator[tuple[int, AnnotatedT]]:
    """Each annotation with the id of its image, as ``read`` gives them; without those for which it gives None.

    Raises `DatasetError` naming the row for what ``read`` refuses with a `RowError`, and for an id that stands twice.
    """
    seen: set[int] = set()
    for index, row in enumerate(rows):
        try:
            image_id, found = read(row)
            if found is not None and found.id in seen:
                raise RowError(f"its id {found.id} stands there twice")
        except RowError as error:
            raise DatasetError(f"{shown(path)}: annotations[{index}]: {error}") from error
        if found is not None:
            seen.add(found.id)
            yield image_id, found


def require_images(spec: DatasetSpec, folder: Path, images: list[CocoImage]) -> None:
    """Raise `DatasetError` when image files are missing, naming the first and how many."""
    missing = missing_files(folder, [image.file_name for image in images])
    if missing:
        first = images[missing[0]]
        raise DatasetError(
            f"{where(spec)}: {len(missing)} of the {len(images)} images to evaluate do not exist; the first is image "
            f"{first.id}, expected at {shown(folder / first.file_name)}"
        )


def _image(row: object) -> CocoImage:
    image_id, name = field(row, "id"), field(row, "file_name")
    width, height = field(row, "width"), field(row, "height")
    if not is_id(image_id):
        raise RowError(f"found id {image_id!r}; expected an integer")
    if not (is_id(width) and is_id(height) and width > 0 and height > 0):
        raise RowError(f"found width {width!r} and height {height!r}; expected whole numbers above 0")
    if not isinstance(name, str) or posixpath.isabs(name) or ".." in name.split("/") or not name.strip("./"):
        raise RowError(f"found file_name {name!r}; expected a path relative to `images`")
    return CocoImage(image_id, posixpath.normpath(name), width, height)


def field(row: object, key: str) -> object:
    """A field that must be there; raises `RowError`."""
    if not isinstance(row, dict):
        raise RowError(f"found {type(row).__name__}; expected an object")
    if key not in row:
        raise RowError(f"has no `{key}`")
    return row[key]


def has(row: object, key: str) -> bool:
    """Whether an entry has a field."""
    return isinstance(row, dict) and key in row


def optional(row: object, key: str, default: object) -> object:
    """A field that may be left out."""
    return row.get(key, default) if isinstance(row, dict) else default


def is_id(value: object) -> TypeGuard[int]:
    """Whether a value is an integer."""
    return isinstance(value, int) and not isinstance(value, bool)


def numbers(row: object, key: str, count: int) -> tuple[float, ...]:
    """A list of so many finite numbers; raises `RowError`."""
    values = field(row, key)
    if not isinstance(values, list) or len(values) != count or not all(map(is_number, values)):
        found = f"{len(values)} values" if isinstance(values, list) else type(values).__name__
        raise RowError(f"found `{key}` with {found}; expected {count} finite numbers")
    return tuple(map(float, values))


def number(row: object, key: str) -> float:
    """One finite number; raises `RowError`."""
    value = field(row, key)
    if not is_number(value):
        raise RowError(f"found `{key}` {value!r}; expected a finite number")
    return float(value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
