"""Whatever happens to a kept file, what is read is what was kept, or nothing."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from pytest_quant.building.built_files import BuiltFiles
from pytest_quant.evaluation.content_store import ContentStore
from pytest_quant.spec.errors import QuantWarning


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "kept", tmp_path / "locks")


def test_no_damage_goes_unnoticed_and_is_mended(store: ContentStore) -> None:
    for make in ("flip", "truncate", "empty", "folder", "pipe"):
        store.save("a/b/c", b"content" * 10)
        path = store.path("a/b/c")
        whole = path.read_bytes()
        if make == "folder":
            path.unlink()
            (path / "in it").mkdir(parents=True)
        elif make == "pipe":
            path.unlink()
            os.mkfifo(path)
        else:
            path.write_bytes({"flip": bytes([whole[0] ^ 1]) + whole[1:], "truncate": whole[:-1], "empty": b""}[make])
        assert store.load("a/b/c") is None, make
        assert store.fetch("a/b/c", lambda: b"made again") == b"made again"
        assert store.load("a/b/c") == b"made again"


def test_a_file_in_the_place_of_a_folder_makes_room(store: ContentStore) -> None:
    store.root.mkdir()
    (store.root / "a").write_text("in the way")
    assert store.save("a/b/c", b"1")
    assert store.load("a/b/c") == b"1"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_file_without_rights_is_made_again(store: ContentStore) -> None:
    store.save("a", b"1")
    store.path("a").chmod(0)
    assert store.fetch("a", lambda: b"2") == b"2"
    assert store.load("a") == b"2"


def test_what_cannot_be_written_is_a_warning_and_the_run_goes_on(
    store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(QuantWarning, match=r"kept/a cannot be kept: No space left on device"):
        assert store.fetch("a", lambda: b"1") == b"1"
    assert store.load("a") is None


def test_two_that_fetch_at_once_make_it_once(store: ContentStore) -> None:
    made: list[int] = []
    start = threading.Barrier(4)

    def make() -> bytes:
        made.append(1)
        return b"1"

    def fetch() -> None:
        start.wait()
        assert store.fetch("a", make) == b"1"

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_damaged_built_file_is_built_again(tmp_path: Path) -> None:
    built, made = BuiltFiles(tmp_path / "built", tmp_path / "locks"), []

    def make(folder: Path) -> None:
        made.append(1)
        (folder / "net.bin").write_bytes(b"weights" * 100)

    where = built.folder("0123", make)
    assert built.folder("0123", make) == where
    assert made == [1]
    for damage in ("flip", "gone", "folder", "no digests", "file"):
        path = where / "net.bin"
        data = bytearray(path.read_bytes())
        if damage == "flip":
            data[50] ^= 1
            path.write_bytes(data)
        elif damage == "gone":
            path.unlink()
        elif damage == "folder":
            path.unlink()
            path.mkdir()
        elif damage == "no digests":
            (where / "digests").unlink()
        else:
            shutil.rmtree(where)
            where.write_text("in the way")
        count = len(made)
        assert built.folder("0123", make) == where
        assert len(made) == count + 1, damage
        assert path.read_bytes() == b"weights" * 100
    assert sorted(entry.name for entry in where.parent.iterdir()) == ["0123"]
