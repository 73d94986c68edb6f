"""Images of one line or word of text with their transcriptions: ICDAR's, mmocr's and tab-separated files."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.files import ImageFiles, missing_files, require_file, require_folder, where
from pytest_quant.datasets.text_lines import raise_problems, read_text
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import brief, shown

IGNORED = frozenset({"#", "###"})
"""Transcriptions of what cannot be read: such samples are left out, as mmocr does."""


class TextLinesOptions(BaseModel):
    """Keys of a dataset of ``type: text-lines``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Path
    """The folder to which the paths in the file are relative."""
    annotations: Path
    """``file, "text"`` lines as ICDAR writes them, tab-separated lines, or json or jsonl of mmocr; told by content."""


@dataclass(frozen=True)
class Transcription:
    """One line of an annotation file."""

    path: str
    """Relative POSIX path in its shortest form."""
    text: str
    place: str
    """Where it stands in the file, for messages."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images that the file names, in its order; ids are their paths, the truth is the text.

    Raises:
        DatasetMissingError: The folder or the file does not exist.
        DatasetError: The file has no known form, an entry is bad, or files that it names do not exist.

    """
    options: TextLinesOptions = spec.options
    require_folder(options.images, spec, "images")
    require_file(options.annotations, spec, "annotations")
    found = read_transcriptions(options.annotations, where(spec))
    first: dict[str, str] = {}
    for one in found:
        if first.setdefault(one.path, one.place) != one.place:
            raise DatasetError(
                f"{where(spec)}: {shown(options.annotations)}: {one.path!r} stands in it twice, in {first[one.path]} "
                f"and {one.place}"
            )
    missing = missing_files(options.images, [one.path for one in found])
    if missing:
        absent = found[missing[0]]
        raise DatasetError(
            f"{where(spec)}: {len(missing)} of {len(found)} images named in {shown(options.annotations)} do not exist "
            f"below {shown(options.images)} (`images`); the first is {absent.path!r} in {absent.place}"
        )
    return ImageFiles(spec.name, [Sample(one.path, one.text, options.images / one.path) for one in found])


def read_transcriptions(file: Path, where: str) -> list[Transcription]:
    """The lines of an annotation file, those that cannot be read left out.

    Raises `DatasetError` when the file is not text in UTF-8, has bad lines, or names no image that can be read.
    """
    text = read_text(file)
    problems: list[str] = []
    found = list(_of_json(text, problems) if text.lstrip()[:1] in ("{", "[") else _of_lines(text, problems))
    raise_problems(where, [f"{shown(file)}, {problem}" for problem in problems])
    kept = [one for one in found if one.text not in IGNORED]
    if not kept:
        raise DatasetError(f"{where}: {shown(file)} names no text; expected lines of the form 'file, \"text\"'")
    return kept


def _of_lines(text: str, problems: list[str]) -> Iterator[Transcription]:
    """Lines end at line feeds only: a text may hold any other character."""
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.removesuffix("\r")
        if not content.strip():
            continue
        place = f"line {number}"
        try:
            path, found = _tabbed(content) if "\t" in content else parse_icdar_line(content)
            yield Transcription(_inside(path), found, place)
        except ValueError as error:
            problems.append(f"{place}: {error}")


def _tabbed(line: str) -> tuple[str, str]:
    path, _, text = line.partition("\t")
    return path.strip(), text


def parse_icdar_line(line: str) -> tuple[str, str]:
    r"""``file, "text"``: the text stands between the outer quotes and may hold commas and blanks; ``\"`` is a quote.

    Raises `ValueError` for a line without a comma, or with one quote of two.

    >>> parse_icdar_line('word_5.png, "a, \\"b\\""')
    ('word_5.png', 'a, "b"')
    """
    path, comma, rest = line.partition(",")
    text = rest.strip()
    if not comma:
        raise ValueError(f"found {line.strip()!r}, expected 'file, \"text\"' or a file and a text with a tab between")
    if not text.startswith('"') and not text.endswith('"'):
        return path.strip(), text
    if len(text) < 2 or not (text.startswith('"') and text.endswith('"')):
        raise ValueError(f"found {text!r}, expected a text between two quotes")
    return path.strip(), text[1:-1].replace('\\"', '"')


def _of_json(text: str, problems: list[str]) -> Iterator[Transcription]:
    """One json document of mmocr 1.x (``data_list``), or one json object for each line as mmocr 0.x has it."""
    try:
        content = parse_json(text.encode())
    except ValueError:
        yield from _of_json_lines(text, problems)
        return
    if isinstance(content, Mapping) and "data_list" in content:
        entries = content["data_list"]
    else:
        entries = content if isinstance(content, list) else [content]
    if not isinstance(entries, list):
        problems.append(f"data_list: found {brief(entries)}, expected a list")
        return
    for number, entry in enumerate(entries):
        place = f"data_list[{number}]"
        try:
            yield _entry(entry, place)
        except ValueError as error:
            problems.append(f"{place}: {error}")


def _of_json_lines(text: str, problems: list[str]) -> Iterator[Transcription]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            found = parse_json(line.encode())
        except ValueError as error:
            problems.append(f"{place}: is not json: {getattr(error, 'msg', error)}")
            continue
        try:
            yield _entry(found, place)
        except ValueError as error:
            problems.append(f"{place}: {error}")


def _entry(entry: object, place: str) -> Transcription:
    """``img_path`` with one of ``instances``, or ``filename`` and ``text``."""
    if not isinstance(entry, Mapping):
        raise ValueError(f"found {brief(entry)}, expected an object")
    path = entry.get("img_path", entry.get("filename"))
    text = entry.get("text")
    if text is None:
        instances = entry.get("instances")
        if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], Mapping):
            raise ValueError(f"found instances {brief(instances)}, expected one with a `text`: an image of one word")
        text = instances[0].get("text")
    if not isinstance(path, str) or not isinstance(text, str):
        raise ValueError(f"found the path {brief(path)} and the text {brief(text)}, expected both as text")
    return Transcription(_inside(path), text, place)


def _inside(path: str) -> str:
    normal = posixpath.normpath(path)
    if not path or "\0" in path or normal in (".", "..") or normal.startswith(("/", "../")):
        raise ValueError(f"found the path {path!r}, expected one below `images`")
    return normal
