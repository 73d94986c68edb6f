"""What servers say of places at URLs, asked through fsspec."""

from __future__ import annotations

import errno
import os
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import unquote

from pytest_quant.datasets.inside import inside
from pytest_quant.spec.errors import ConfigError, DatasetError, QuantError

T = TypeVar("T")

URL_FORM = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_ABSENT = (404, 410)
"""Answers of a server by which nothing is there."""

Info = Mapping[str, object]
"""What a file system says of a file."""


class FileSystem(Protocol):
    """What is asked of a file system of fsspec."""

    def info(self, path: str) -> Info:
        """Of one place; raises `FileNotFoundError`."""

    def ls(self, path: str, *, detail: bool) -> Sequence[Info]:
        """Of what is in a folder."""

    def isdir(self, path: str) -> bool:
        """Whether a place is a folder."""

    def get_file(self, path: str, local: str) -> None:
        """Make a copy of a file."""

    def _strip_protocol(self, url: str) -> str:
        """A URL as the other questions name it."""


def is_url(text: str) -> bool:
    """Whether a text is a URL and no path.

    >>> is_url("s3://bucket/data"), is_url("C:/data"), is_url("data/a://b")
    (True, False, False)
    """
    return URL_FORM.match(text) is not None


class Servers:
    """The file systems of a process, each made when first asked; a forked process makes its own."""

    def __init__(self) -> None:
        self._systems: dict[tuple[int, str], FileSystem] = {}

    def system(self, url: str) -> FileSystem:
        """The file system of a URL; raises `ConfigError` where there is none."""
        key = os.getpid(), url.partition("://")[0]
        if key not in self._systems:
            self._systems[key] = _made(key[1], url)
        return self._systems[key]

    def ask(self, url: str, question: Callable[[FileSystem, str], T]) -> T:
        """What is found at a URL; raises `FileNotFoundError` with the URL, `DatasetError` for anything else."""
        system = self.system(url)
        try:
            return question(system, system._strip_protocol(url))
        except QuantError:
            raise
        except Exception as error:  # every file system has errors of its own
            cause = error.__cause__ if _says_absent(error) else error
            if cause is None or _says_absent(cause) or getattr(cause, "status", None) in _ABSENT:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from None
            reason = f"{type(cause).__name__}: {cause}".rstrip(": ")
            raise DatasetError(f"{url}: cannot be read: {reason}") from error

    def kind(self, url: str) -> str | None:
        """``file``, ``directory`` or another word; None where nothing is. Raises `DatasetError`.

        To HTTP all is a file: a folder is a page of links to what lies below it.
        """
        try:
            info = self.ask(url, lambda system, place: system.info(place))
        except FileNotFoundError:
            return None
        is_page = _is_http(url) and info.get("mimetype") == "text/html"
        return (
            "directory" if is_page and self.ask(url, lambda system, place: system.isdir(place)) else str(info["type"])
        )

    def is_folder(self, url: str) -> bool:
        """Whether a folder is there; raises `DatasetError`. Of an HTTP server that shows none, all may be folders."""
        kind = self.kind(url)
        return kind == "directory" or (kind is None and _is_http(url))

    def names(self, url: str) -> Mapping[str, bool]:
        """What is in a folder, each with whether it is a folder itself; none where there is no list of it."""
        try:
            rows = self.ask(url, lambda system, place: system.ls(place, detail=True))
        except FileNotFoundError:
            return {}
        own = self.system(url)._strip_protocol(url).strip("/")
        paths = ((str(row["name"]).strip("/"), row["type"] == "directory") for row in rows)
        names = ((posixpath.basename(path), is_folder) for path, is_folder in paths if path != own)
        if _is_http(url):  # links of a page
            names = ((unquote(name), is_folder) for name, is_folder in names if not {"?", "#"}.intersection(name))
        return {name: is_folder for name, is_folder in names if inside(name) == name}


def _made(scheme: str, url: str) -> FileSystem:
    try:
        import fsspec
    except ImportError:
        raise ConfigError(
            f"{url!r} is a URL, which fsspec opens: pip install 'pytest-quant[dask]' or fsspec, or fetch the dataset"
        ) from None
    try:
        found: FileSystem = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{url!r}: fsspec cannot open {scheme}:// URLs here: {error}") from None
    return found


def hidden(url: str) -> str:
    """A URL without what may be a secret in it."""
    return re.sub(r"//[^/@]*@", "//...@", url.partition("?")[0])


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _says_absent(error: BaseException) -> bool:
    """Whether an error says that nothing is there; that of HTTP says so of a server that is down, and has a cause."""
    return isinstance(error, (FileNotFoundError, NotADirectoryError))
