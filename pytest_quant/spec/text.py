"""Small pieces of wording that messages share."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

_BRIEF_CHARS = 60

_HIDDEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)
"""What a terminal or a browser obeys instead of showing it: control characters, what turns the direction of writing
around, separators of lines, what has no width, halves of characters."""
_HIDDEN_IN_LINES = re.compile(rf"(?![\n\t]){_HIDDEN.pattern}")
_COMMAND = re.compile(r"(?:^|(?<=[\s-])):(?=:[A-Za-z])|#(?=#\w*\[)", re.MULTILINE)
"""What a continuous integration obeys in a log: lines of GitHub that begin with ``::``, ``##[`` of Azure and others.

Where a line is wrapped, by us or by pytest, a word of it begins one."""
_HALVES = re.compile(r"[\ud800-\udfff]")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Text from a file as it may be shown on one line: whatever does more than stand there is written as an escape.

    ``lines``: line feeds and tabs stay as they are. So is what a continuous integration takes for a command.

    >>> visible("::error::x"), visible("##vso[task.fail]")
    ('\\x3a:error::x', '\\x23#vso[task.fail]')
    >>> visible("a\x1b[31mb\u202e\n"), visible("a\nb\x07", lines=True)
    ('a\\x1b[31mb\\u202e\\n', 'a\nb\\x07')
    """
    if not text.isprintable():
        text = (_HIDDEN_IN_LINES if lines else _HIDDEN).sub(_escape, text)
    return _COMMAND.sub(_escape_command, text) if "::" in text or "##" in text else text


def encodable(text: str) -> str:
    """Text that UTF-8 has room for: halves of characters, as JSON, YAML and file names may hold them, are escaped."""
    return text if text.isascii() else _HALVES.sub(_escape, text)


def for_system(text: str) -> str:
    """Text that the system takes in names and in the environment; escaped where its encoding lacks some of it.

    >>> for_system("tiny")
    'tiny'
    """
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("ascii", "backslashreplace").decode()
    return text


def _escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


def _escape_command(found: re.Match[str]) -> str:
    return f"{found.group()[:-1]}\\x{ord(found.group()[-1]):02x}"


def shown(path: Path) -> str:
    """A path as messages print it: POSIX, in its shortest form, relative to the working folder when it lies inside.

    What a terminal would obey in it is escaped; see `visible`. A path that stands for a URL is printed as that.

    >>> shown(Path.cwd() / "models" / ".." / "zoo.quant.yaml")
    'zoo.quant.yaml'
    """
    url = getattr(path, "url", None)
    if url is not None:
        return visible(str(url))
    return _shown(path, os.getcwd())


@lru_cache(maxsize=256)
def _shown(path: Path, folder: str) -> str:
    """`shown` in a working folder: places in one file are named again and again."""
    shortest = Path(os.path.normpath(path))
    try:
        return visible(shortest.relative_to(folder).as_posix())
    except ValueError:
        return visible(shortest.as_posix())


def listed(names: Iterable[str]) -> str:
    """Names as a comma-separated list, in the order given.

    >>> listed(["top1", "top5"])
    'top1, top5'
    """
    return ", ".join(names)


def hanging(text: str, width: int | None) -> Iterator[str]:
    """Lines of at most ``width`` characters, those that go on indented; None: the lines as they are.

    Words are never cut, so that a path or an option stays whole, on a line that is wider if need be.

    >>> list(hanging("panet: both sides at score threshold 0.9", 30))
    ['panet: both sides at score', '    threshold 0.9']
    """
    import textwrap  # only a run under --quant wraps

    for line in text.split("\n"):
        if width is None or len(line) <= width or width < _NARROWEST:
            yield line
            continue
        own = line[: len(line) - len(line.lstrip())]
        yield from textwrap.wrap(
            line, width, subsequent_indent=f"{own}    ", break_long_words=False, break_on_hyphens=False
        )


_NARROWEST = 20
"""Below that wrapped lines are harder to read than those that the terminal breaks."""


def aligned(rows: Sequence[Sequence[str]], *, left: int, last_left: bool = False) -> Iterator[str]:
    """Rows of equal length as lines; the first ``left`` columns stand left, the others right.

    Cells are made visible, see there. ``last_left``: the last column stands left, too.

    >>> list(aligned([("layer", "dB"), ("conv", "9.8")], left=1))
    ['layer   dB', 'conv   9.8']
    """
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        end = len(row) - 1 if last_left else len(row)
        cells = enumerate(zip(row, widths, strict=True))
        yield "  ".join(
            cell.rjust(width) if left <= index < end else cell.ljust(width) for index, (cell, width) in cells
        ).rstrip()


def suggestion(name: str, known: Iterable[str]) -> str:
    """A question about the likely meaning of an unknown name, or an empty string.

    >>> suggestion("tolerence", ["tolerance", "floor"])
    ' Did you mean `tolerance`?'
    >>> suggestion("RGB", ["rgb", "bgr"]), suggestion("cifar-10", ["cifar10"])
    (' Did you mean `rgb`?', ' Did you mean `cifar10`?')
    """
    by_plain = {_plain(one): one for one in known}
    close = get_close_matches(_plain(name), list(by_plain), n=1)
    return f" Did you mean `{by_plain[close[0]]}`?" if close else ""


def _plain(name: str) -> str:
    """A name without what users write differently: case, and what stands between words."""
    return re.sub(r"[^a-z0-9]+", "", name.casefold()) or name


def brief(value: object) -> str:
    """A value that a user wrote, shortened, with its type: what messages say was found.

    >>> brief("8x8"), brief(1.5), brief(None)
    ("'8x8' (str)", '1.5 (float)', 'nothing')
    """
    if value is None:
        return "nothing"
    text = repr(dict(value)) if isinstance(value, Mapping) else repr(value)
    shortened = text if len(text) <= _BRIEF_CHARS else text[: _BRIEF_CHARS - 3] + "..."
    kind = next(base.__name__ for base in type(value).__mro__ if base.__module__ == "builtins")
    return f"{shortened} ({kind})"


def relative_posix(path: Path, folder: Path) -> str:
    """A path relative to a folder, also upwards, in POSIX form; absolute where there is no way, as between drives.

    >>> relative_posix(Path("/zoo/models/a.param"), Path("/zoo/files"))
    '../models/a.param'
    """
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return path.as_posix()


def first_few(names: Sequence[str], count: int = 4) -> str:
    """The first names of many, as a list in words.

    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c, d, ...'
    """
    return listed(names[:count]) + (", ..." if len(names) > count else "")
