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
from pytest_quant.spec.text import shown


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


def test_what_cannot_be_written_is_one_warning_and_the_run_goes_on(
    store: ContentStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    other = ContentStore(tmp_path / "other", tmp_path / "locks")  # of the same cache
    with pytest.warns(QuantWarning) as said:
        assert [store.save("a", b"1"), store.save("b", b"1"), other.save("a", b"1")] == [False] * 3
    assert store.fetch("a", lambda: b"1") == b"1"
    assert [str(one.message) for one in said] == [
        f"{shown(tmp_path)} takes nothing more: No space left on device; {LATER}"
    ]
    assert store.load("a") is None


LATER = "later runs compute again what is not kept there"


def test_a_file_in_the_place_of_the_store_is_told_once(store: ContentStore) -> None:
    store.root.write_text("of somebody")
    with pytest.warns(QuantWarning) as said:
        assert [store.save(name, b"1") for name in ("a", "b/c")] == [False, False]
    assert [str(one.message) for one in said] == [f"{shown(store.root)} takes nothing more: Not a directory; {LATER}"]
    assert store.root.read_text() == "of somebody"


def test_a_place_that_takes_nothing_is_told_beside_others(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace

    def refuse(source: str, target: Path) -> None:
        if target.parent.name == "bad":
            raise OSError(5, "Input/output error")
        real(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.warns(QuantWarning) as said:
        assert [store.save(name, b"1") for name in ("bad/a", "good/b", "bad/c")] == [False, True, False]
    places = [store.path(name) for name in ("bad/a", "bad/c")]
    assert [str(one.message) for one in said] == [f"{path} cannot be kept: Input/output error" for path in places]
    assert sorted(path.name for path in store.root.rglob("*") if path.is_file()) == ["b"]


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
