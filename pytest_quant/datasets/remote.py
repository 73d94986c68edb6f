"""Datasets at URLs that fsspec opens: what is asked for by name is fetched into copies on this machine.

A `UrlPath` is a path among these copies. Its methods fetch what they need first, each file once, and hold it in every
run against what the server says of it: nobody reads what is stale, and nothing is fetched that nobody reads.
"""

from __future__ import annotations

import atexit
import errno
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from pytest_quant.datasets.inside import inside
from pytest_quant.datasets.servers import URL_FORM, Info, Servers, hidden
from pytest_quant.spec.errors import ConfigError, DatasetError

if sys.platform == "win32":
    from pathlib import WindowsPath as _Base
else:
    from pathlib import PosixPath as _Base

_HERE = "@"
"""Stands for the host in a URL that has none, such as ``file:///data``."""
_TELLING = re.compile(
    r"e_?tag|md5|crc32c|digest|m_?time|modified|updated|created|generation|version_?id", re.IGNORECASE
)
"""Keys of what a file system says of a file that change with its content."""
_SINGLY = 8
"""So many files of a folder are asked for one by one, before the folder is listed."""
_AT_A_TIME = 16
"""Files that are fetched at the same time: a server is far away rather than slow."""
_LAST_MODIFIED = "Last-Modified"
_YOUNG_S = 60.0
"""Also for clocks that differ."""
PART_SUFFIX = ".part"
_part = itertools.count()


class UrlPath(_Base):
    """A place at a URL, as a path among the copies on this machine: ``path / name``, ``path.parent`` are such, too.

    `open`, `stat` and what builds on them fetch the file first. Raises `FileNotFoundError` for what is not there,
    `DatasetError` with the URL where a server cannot be reached or refuses.
    """

    @property
    def url(self) -> str:
        """Where it comes from."""
        return copies().url_of(self)

    def local(self) -> Path:
        """The copy, as a path that any library opens."""
        copies().fetch(self)
        return Path(str(self))

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str] | IO[bytes]:
        """As that of any path."""
        return self.local().open(mode, buffering, encoding, errors, newline)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Of the copy: another content has another one."""
        return self.local().stat(follow_symlinks=follow_symlinks)

    def is_file(self, **_: object) -> bool:
        """Whether there is a file."""
        return copies().is_file(self)

    def is_dir(self, **_: object) -> bool:
        """Whether there is a folder."""
        return copies().is_folder(self)

    def exists(self, **_: object) -> bool:
        """Whether there is one of the two."""
        return self.is_file() or self.is_dir()

    def __reduce__(self) -> tuple[object, ...]:
        """Another process has copies of its own."""
        return url_path, (self.url,)


class Copies:
    """The copies below one folder: files under ``files/``, what is known of them under ``notes/``.

    Any number of threads and processes may use the folder: a file appears whole, under its name.
    """

    def __init__(self, root: Path) -> None:
        self._files = Path(os.path.abspath(root)) / "files"
        self._notes = Path(os.path.abspath(root)) / "notes"
        self._locks = [threading.Lock() for _ in range(64)]
        self._servers = Servers()
        self._fresh: set[str] = set()
        self._singly: dict[str, int] = {}
        self._known: dict[str, bool] = {}
        self._listings: dict[str, Mapping[str, bool]] = {}

    def forget(self) -> None:
        """Ask again what servers say, as at the beginning of a run."""
        for memo in (self._fresh, self._singly, self._known, self._listings):
            memo.clear()

    def path_of(self, url: str) -> UrlPath:
        """The path that stands for a URL; raises `ConfigError` for one that cannot be used."""
        found = URL_FORM.match(url)
        scheme, rest = (found["scheme"].lower(), found["rest"]) if found else ("", "")
        host, _, place = rest.partition("/")
        if "::" in url or "?" in rest or "#" in rest:
            raise ConfigError(f"{hidden(url)!r} is a URL with `::`, `?` or `#`, expected SCHEME://HOST/PATH alone")
        if "@" in host:
            raise ConfigError(
                f"{hidden(url)!r} has a user or a password in it: put them where the library for {scheme}:// looks "
                "for them, such as the environment"
            )
        name = inside(place.strip("/") or "./_")
        if name is None or not (host or place.strip("/")):
            raise ConfigError(f"{url!r} does not name a place on its server, expected SCHEME://HOST/PATH")
        path = UrlPath(self._files, scheme, host or _HERE)
        path = path / name if place.strip("/") else path
        self._servers.system(self.url_of(path))
        return path

    def url_of(self, path: Path) -> str:
        """The URL that a path stands for."""
        scheme, host, *parts = Path(str(path)).relative_to(self._files).parts
        return f"{scheme}://{'/'.join(['' if host == _HERE else host, *parts])}"

    def fetch(self, path: Path) -> None:
        """Have the file that a server has now; raises `FileNotFoundError` or `DatasetError`."""
        name = str(path)
        if name in self._fresh and os.path.exists(name):
            return
        with self._locks[hash(name) % len(self._locks)]:
            if name in self._fresh and os.path.exists(name):
                return
            info = self._servers.ask(self.url_of(path), lambda system, place: system.info(place))
            note = self._notes / Path(name).relative_to(self._files)
            if info.get("type") == "directory":
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
            told = _told(info)
            if told is None or _read(note) != json.dumps([told, _local(name)]) or _is_too_young(info, name):
                self._load(path, info.get("size"))
                _write(note, json.dumps([told, _local(name)]).encode())
            else:
                with suppress(OSError):  # copies that others have made
                    os.utime(note)
            self._fresh.add(name)

    def _load(self, path: Path, size: object) -> None:
        url, part = self.url_of(path), f"{path}.{os.getpid()}-{next(_part)}{PART_SUFFIX}"
        try:
            os.makedirs(os.path.dirname(part), exist_ok=True)
            self._servers.ask(url, lambda system, place: system.get_file(place, part))
            came = os.path.getsize(part)
            if size is not None and came != size:
                raise DatasetError(f"{url}: {came} bytes came of {size}; run again")
            os.replace(part, path)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and error.filename == url:
                raise
            raise DatasetError(f"{url}: cannot be kept in {path}: {error.strerror}") from error
        finally:
            with suppress(OSError):
                os.unlink(part)

    def is_file(self, path: Path) -> bool:
        """Whether a file is there; raises `DatasetError`."""
        name, parent = str(path), os.path.dirname(path)
        if name in self._known:
            return self._known[name]
        if parent not in self._listings:
            self._singly[parent] = self._singly.get(parent, 0) + 1
            if self._singly[parent] == _SINGLY:
                self._listings[parent] = self._servers.names(self.url_of(Path(parent)))
        listed = self._listings.get(parent, {}).get(path.name)
        found = self._servers.kind(self.url_of(path)) not in (None, "directory") if listed is None else not listed
        return self._known.setdefault(name, found)

    def is_folder(self, path: Path) -> bool:
        """Whether a folder is there; raises `DatasetError`."""
        return self._servers.is_folder(self.url_of(path))

    def entries(self, folder: Path) -> Mapping[str, bool]:
        """The names in a folder, each with whether it is a folder itself; raises `DatasetError`."""
        if str(folder) not in self._listings:
            self._listings[str(folder)] = self._servers.names(self.url_of(folder))
        return self._listings[str(folder)]


def _told(info: Info) -> list[str] | None:
    """What a server says of a file that changes with its content; None where it says nothing of the kind."""
    known = sorted(f"{key}={value}" for key, value in info.items() if _TELLING.search(key.replace("-", "_")) and value)
    return [f"size={info.get('size')}", *known] if known else None


def _is_too_young(info: Info, name: str) -> bool:
    """Whether a file is told apart by whole seconds alone, and its copy was made so soon after that one may be old."""
    keys = [key for key, value in info.items() if _TELLING.search(key.replace("-", "_")) and value]
    if keys != [_LAST_MODIFIED]:
        return False
    from email.utils import parsedate_to_datetime  # for such servers alone

    try:
        changed_s = parsedate_to_datetime(str(info[_LAST_MODIFIED])).timestamp()
    except ValueError:
        return True
    return os.stat(name).st_mtime < changed_s + _YOUNG_S


def _local(name: str) -> list[int] | None:
    try:
        stat = os.stat(name)
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _read(note: Path) -> str | None:
    try:
        return note.read_text()
    except (OSError, UnicodeDecodeError):
        return None


def _write(note: Path, content: bytes) -> None:
    """Whole or not at all; where it cannot be kept, the file is fetched again the next time."""
    part = f"{note}.{os.getpid()}-{next(_part)}{PART_SUFFIX}"
    with suppress(OSError):
        os.makedirs(os.path.dirname(part), exist_ok=True)
        Path(part).write_bytes(content)
        os.replace(part, note)


_used: list[Copies] = []


def use_copies(root: Path) -> Callable[[], None]:
    """Keep the copies of this process below a folder; gives what ends that."""
    mine = Copies(root)
    _used.append(mine)
    return lambda: _used.remove(mine)


def copies() -> Copies:
    """Those of this process: in a folder of its own that ends with it, unless `use_copies` has named one."""
    if not _used:
        folder = Path(tempfile.mkdtemp(prefix="pytest-quant-urls-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        use_copies(folder)
    return _used[-1]


def url_path(url: str) -> UrlPath:
    """The path that stands for a URL in this process; raises `ConfigError`."""
    return copies().path_of(url)


def fetch_all(paths: Iterable[Path]) -> None:
    """Fetch those of some files that are at URLs, several at a time; what is not there is left to who reads it."""
    remote = [path for path in paths if isinstance(path, UrlPath)]
    if remote:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for _ in pool.map(_fetched, remote):
                pass


def _fetched(path: UrlPath) -> None:
    with suppress(FileNotFoundError):
        copies().fetch(path)
