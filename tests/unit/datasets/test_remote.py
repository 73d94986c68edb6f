"""Datasets at URLs, on a file system that notes what it is asked."""

from __future__ import annotations

import atexit
import pickle
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.datasets import remote
from pytest_quant.datasets.folders import entries, files_below
from pytest_quant.datasets.image_list import ImageListOptions, open_dataset
from pytest_quant.datasets.remote import Copies, UrlPath, fetch_all, url_path, use_copies
from pytest_quant.evaluation.kept import KINDS, URLS, everything, prune, prune_copies, remove_parts
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import ConfigError, DatasetError
from pytest_quant.spec.text import shown

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'pytest-quant[dask]'")

import fsspec


class Server:
    """What lies at ``noted://host/…``, and how often each thing was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, str]] = {}
        self.asked: Counter[str] = Counter()
        self.lists = True
        self.tells = True
        self.fails: Exception | None = None
        self.cuts = False

    def put(self, name: str, content: bytes) -> None:
        self.files[name] = (content, f"v{sum(self.asked.values())}-{hash(content)}")


SERVER = Server()


class NotedFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    protocol = "noted"

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        SERVER.asked[f"info {path}"] += 1
        if SERVER.fails:
            raise SERVER.fails
        if path in SERVER.files:
            content, tag = SERVER.files[path]
            told = {"ETag": tag} if SERVER.tells else {}
            return {"name": path, "size": len(content), "type": "file", **told}
        if SERVER.lists and any(name.startswith(f"{path}/") for name in SERVER.files):
            return {"name": path, "size": 0, "type": "directory"}
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[dict[str, Any]]:
        SERVER.asked[f"ls {path}"] += 1
        if SERVER.fails:
            raise SERVER.fails
        below = [name.removeprefix(f"{path}/") for name in SERVER.files if name.startswith(f"{path}/")]
        if not below or not SERVER.lists:
            raise FileNotFoundError(path)
        names = dict.fromkeys(name.partition("/")[0] for name in below)
        kinds = {name: "file" if name in below else "directory" for name in names}
        return [{"name": f"{path}/{name}", "size": 0, "type": kind} for name, kind in kinds.items()]

    def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
        SERVER.asked[f"get {rpath}"] += 1
        content = SERVER.files[rpath][0]
        Path(lpath).write_bytes(content[:-1] if SERVER.cuts else content)


fsspec.register_implementation("noted", NotedFileSystem, clobber=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    SERVER.__init__()  # type: ignore[misc]
    for name in ("list.txt", "val/a/1.png", "val/a/2.png", "val/b/3.png"):
        SERVER.put(f"host/data/{name}", f"content of {name}".encode())
    end = use_copies(tmp_path / "cache" / URLS)
    yield SERVER
    end()


def test_a_path_at_a_url_reads_as_any_other(server: Server) -> None:
    root = url_path("noted://host/data")
    assert (root / "list.txt").read_text() == "content of list.txt"
    with (root / "val" / "a" / "1.png").open("rb") as file:
        assert file.read() == b"content of val/a/1.png"
    assert (root.is_dir(), root.is_file(), root.exists()) == (True, False, True)
    path, gone = root / "list.txt", root / "gone.txt"
    assert (path.is_dir(), path.is_file(), path.exists()) == (False, True, True)
    assert (gone.is_dir(), gone.is_file(), gone.exists()) == (False, False, False)
    with pytest.raises(FileNotFoundError):
        gone.read_bytes()
    with pytest.raises(IsADirectoryError):
        root.read_bytes()
    assert shown(path) == path.url == "noted://host/data/list.txt"
    assert isinstance(path.parent / "x", UrlPath)
    assert type(path)(str(path)) == path


def test_only_what_is_read_is_fetched_and_once(server: Server) -> None:
    paths = [url_path(f"noted://host/data/val/{name}") for name in ("a/1.png", "b/3.png")]
    fetch_all([*paths, *paths, Path("here.png"), url_path("noted://host/data/gone.png")])
    assert paths[0].stat().st_size == len("content of val/a/1.png")
    fetched = {name for name in server.asked if name.startswith("get")}
    assert fetched == {"get host/data/val/a/1.png", "get host/data/val/b/3.png"}
    assert max(server.asked.values()) == 1, "in a run each is asked for once"


def test_every_run_asks_and_fetches_what_is_another_one(server: Server, tmp_path: Path) -> None:
    name = "noted://host/data/list.txt"
    first = url_path(name).stat()
    for expected, content in ((1, None), (2, b"CONTENT of list.txt")):  # of the same length
        if content is not None:
            server.put("host/data/list.txt", content)
        end = use_copies(tmp_path / "cache" / URLS)
        stat = url_path(name).stat()
        assert url_path(name).read_bytes() == (content or b"content of list.txt")
        assert (stat == first) is (content is None)
        end()
        assert server.asked["get host/data/list.txt"] == expected
    assert server.asked["info host/data/list.txt"] == 3


def test_a_server_that_tells_nothing_is_not_believed(server: Server, tmp_path: Path) -> None:
    server.tells = False
    for count in (1, 2):
        end = use_copies(tmp_path / "cache" / URLS)
        url_path("noted://host/data/list.txt").read_bytes()
        assert server.asked["get host/data/list.txt"] == count
        end()


def test_whole_seconds_are_no_proof_until_they_are_long_past(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for said, count in ((formatdate(), 2), ("Sun, 01 Nov 2020 00:00:00 GMT", 3), ("yesterday", 5)):
        info = {"name": "host/data/list.txt", "type": "file", "size": 19, "Last-Modified": said}
        monkeypatch.setattr(NotedFileSystem, "info", lambda *_, info=info, **__: info)
        for _ in range(2):
            end = use_copies(tmp_path / "cache" / URLS)
            url_path("noted://host/data/list.txt").read_bytes()
            end()
        assert server.asked["get host/data/list.txt"] == count


@pytest.mark.parametrize("damage", ["cut", "gone", "note"])
def test_a_copy_that_is_damaged_is_fetched_again(server: Server, tmp_path: Path, damage: str) -> None:
    path = url_path("noted://host/data/list.txt")
    copy = path.local()
    if damage == "note":
        (note,) = (one for one in (tmp_path / "cache" / URLS / "notes").rglob("*") if one.is_file())
        note.write_bytes(b"\xff")
    elif damage == "gone":
        copy.unlink()
    else:
        copy.write_bytes(b"con")
    remote.copies().forget()
    assert path.read_bytes() == b"content of list.txt"
    assert server.asked["get host/data/list.txt"] == 2


def test_what_comes_short_is_no_copy(server: Server) -> None:
    server.cuts = True
    with pytest.raises(DatasetError, match=r"noted://host/data/list\.txt: 18 bytes came of 19; run again"):
        url_path("noted://host/data/list.txt").read_bytes()
    server.cuts = False
    assert url_path("noted://host/data/list.txt").read_bytes() == b"content of list.txt"


def test_a_server_that_fails_is_told(server: Server) -> None:
    server.fails = ConnectionError("no route to host")
    says = r"noted://host/data/x: cannot be read: ConnectionError: no route to host"
    path = url_path("noted://host/data/x")
    for ask in (path.read_bytes, path.is_file, path.is_dir, path.stat, lambda: entries(path)):
        with pytest.raises(DatasetError, match=says):
            ask()


def test_a_server_that_is_down_is_not_one_without_the_file(server: Server) -> None:
    server.fails = FileNotFoundError("http://host/x")
    path = url_path("noted://host/data/x")
    assert not path.exists()
    server.fails.__cause__ = ConnectionError("refused")
    remote.copies().forget()
    with pytest.raises(DatasetError, match="ConnectionError: refused"):
        path.exists()
    server.fails.__cause__ = type("Answer", (Exception,), {"status": 404})()
    assert not path.exists()


def test_folders_are_listed(server: Server) -> None:
    root = url_path("noted://host/data")
    assert {entry.name: entry.is_folder for entry in entries(root)} == {"list.txt": False, "val": True}
    below = sorted(path.relative_to(root).as_posix() for path in files_below(root))
    assert below == ["list.txt", "val/a/1.png", "val/a/2.png", "val/b/3.png"]
    assert all(isinstance(path, UrlPath) for path in files_below(root))
    assert list(files_below(root / "none")) == []


def test_many_questions_about_a_folder_list_it(server: Server) -> None:
    for index in range(40):
        server.put(f"host/many/{index}.png", b"x")
    root = url_path("noted://host/many")
    assert all((root / f"{index}.png").is_file() for index in range(40))
    assert not (root / "40.png").is_file()
    assert server.asked["ls host/many"] == 1
    assert sum(server.asked.values()) < 12
    server.lists = False  # a server that lists no folders is asked for each
    remote.copies().forget()
    assert all((root / f"{index}.png").is_file() for index in range(40))
    assert not (root / "40.png").is_file()


def test_a_listing_names_nothing_outside(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": f"host/data/{name}", "type": "file"} for name in ("a.png", "..", ".")]
    monkeypatch.setattr(NotedFileSystem, "ls", lambda *_, **__: [*rows, {"name": "host/data", "type": "directory"}])
    assert [entry.name for entry in entries(url_path("noted://host/data"))] == ["a.png"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("noted://host/../x", "does not name a place"),
        ("noted:///", "does not name a place"),
        ("noted://host/a?token=secret", "is a URL with `::`, `\\?` or `#`"),
        ("noted://me:secret@host/a", "has a user or a password in it"),
        ("zip://a::noted://host/b.zip", "is a URL with `::`"),
        ("nobody-knows://host/a", "fsspec cannot open nobody-knows:// URLs here"),
    ],
)
def test_urls_that_cannot_be_used(server: Server, url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        url_path(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["noted://host", "noted://host/a/b.png", "file:///data/a.png", "memory://a/b c/ü.png"])
def test_a_url_comes_back(server: Server, url: str) -> None:
    assert url_path(url).url == url
    assert url_path(f"{url}/").url == url


def test_another_process_fetches_into_its_own_folder(server: Server, tmp_path: Path) -> None:
    sent = pickle.dumps(url_path("noted://host/data/list.txt"))
    end = use_copies(tmp_path / "other")
    path = pickle.loads(sent)  # noqa: S301 - what this test has made
    assert path.read_bytes() == b"content of list.txt"
    assert path.is_relative_to(tmp_path / "other")
    end()


def test_many_threads_fetch_a_file_once(server: Server) -> None:
    path, found = url_path("noted://host/data/list.txt"), list[bytes]()
    threads = [threading.Thread(target=lambda: found.append(path.read_bytes())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {b"content of list.txt"}
    assert server.asked["get host/data/list.txt"] == 1


def test_the_bound_of_the_cache_holds_copies(server: Server, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    fetch_all(url_path(f"noted://host/data/val/{name}") for name in ("a/1.png", "a/2.png", "b/3.png"))
    copies = [one for one in everything(cache) if one.kind == URLS]
    assert len(copies) == 3
    assert URLS in KINDS
    (cache / URLS / "files" / "left.1-0.part").write_bytes(b"x")
    assert [path.name for path in remove_parts(cache)] == ["left.1-0.part"]
    assert len(prune(cache, copies[0].size_bytes)) == 2
    prune_copies(cache / URLS, 0)
    assert [one for one in everything(cache) if one.kind == URLS] == []
    assert not any(path.is_file() for path in (cache / URLS).rglob("*"))
    assert url_path("noted://host/data/val/a/1.png").read_bytes() == b"content of val/a/1.png"


def test_nothing_beside_the_dataset_is_asked_for(server: Server) -> None:
    server.put("host/data/list.txt", b"val/a/1.png 0\n")
    options = ImageListOptions(root=url_path("noted://host/data"), list="list.txt")
    dataset = open_dataset(DatasetSpec("data", "image-list", options, Path("zoo.quant.yaml")))
    assert [sample.id for sample in dataset.samples] == ["val/a/1.png"]
    assert all(f"{asked} ".split()[1].startswith("host/data") for asked in server.asked)


def test_without_a_folder_there_is_one_for_the_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(remote, "_used", [])
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(tmp_path / "own"))
    monkeypatch.setattr(atexit, "register", lambda *_, **__: None)
    assert isinstance(remote.copies(), Copies)
    assert url_path("noted://host/a").is_relative_to(tmp_path / "own")
    assert remote.copies() is remote.copies()
