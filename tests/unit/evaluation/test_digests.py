from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from pytest_quant.evaluation import digests
from pytest_quant.evaluation.digests import DigestMemo, sha256_json


class Reads:
    """Which files were read, by whom ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[Path] = []
        self._read = digests.sha256_file
        monkeypatch.setattr(digests, "sha256_file", self)

    def __call__(self, path: Path) -> str:
        self.paths.append(path)
        return self._read(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "data" / f"{index}.bin" for index in range(4)]
    found[0].parent.mkdir()
    for index, path in enumerate(found):
        path.write_bytes(bytes([index]) * 1000)
    return found


def memo(folder: Path) -> DigestMemo:
    return DigestMemo(folder / "memo", folder / "locks", threads=2)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_digests_come_in_the_order_asked_for(tmp_path: Path, paths: list[Path]) -> None:
    asked = [paths[2], paths[0], paths[2]]
    assert memo(tmp_path).of_files(asked) == [sha256(path) for path in asked]
    assert memo(tmp_path).of_files([]) == []


def test_a_file_larger_than_one_read_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom((1 << 20) + 17))
    assert memo(tmp_path).of_files([path]) == [sha256(path)]


def test_unchanged_files_are_read_once_in_all_runs(tmp_path: Path, paths: list[Path], reads: Reads) -> None:
    expected = memo(tmp_path).of_files(paths)
    assert sorted(reads.paths) == paths
    assert memo(tmp_path).of_files(paths) == expected
    assert memo(tmp_path).of_files(paths[:2]) == expected[:2]
    assert len(reads.paths) == len(paths)


@pytest.mark.parametrize("content", [b"x" * 1000, b"x"], ids=["same size", "other size"])
def test_only_a_changed_file_is_read_again(tmp_path: Path, paths: list[Path], reads: Reads, content: bytes) -> None:
    memo(tmp_path).of_files(paths)
    reads.paths.clear()
    paths[1].write_bytes(content)
    os.utime(paths[1], ns=(0, paths[1].stat().st_mtime_ns + 1))
    assert memo(tmp_path).of_files(paths) == [sha256(path) for path in paths]
    assert reads.paths == [paths[1]]


@pytest.mark.parametrize("damage", [b"", b"not json", b"[1, 2]", b'{"a": [1]}', b'{"a": 5}', b"\xff"])
def test_a_damaged_memo_is_made_again(tmp_path: Path, paths: list[Path], damage: bytes) -> None:
    expected = memo(tmp_path).of_files(paths)
    (kept,) = (tmp_path / "memo").iterdir()
    kept.write_bytes(damage)
    assert memo(tmp_path).of_files(paths) == expected
    assert memo(tmp_path).of_files(paths) == expected


def test_processes_that_ask_at_once_read_each_file_once(tmp_path: Path, paths: list[Path], reads: Reads) -> None:
    start, found = threading.Barrier(4), []

    def ask() -> None:
        start.wait()
        found.append(memo(tmp_path).of_files(paths))

    threads = [threading.Thread(target=ask) for _ in range(4)]  # each with a memo and lock objects of its own
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[sha256(path) for path in paths]] * 4
    assert sorted(reads.paths) == paths


def test_contents_may_be_files_or_bytes(tmp_path: Path, paths: list[Path]) -> None:
    assert memo(tmp_path).of_contents([b"abc", paths[1], b""]) == [
        hashlib.sha256(b"abc").hexdigest(),
        sha256(paths[1]),
        hashlib.sha256(b"").hexdigest(),
    ]


def test_a_copy_of_equal_size_and_time_is_read_again(tmp_path: Path, paths: list[Path], reads: Reads) -> None:
    """As `rsync -t`, `cp -p` and archives with normalised times leave it."""
    memo(tmp_path).of_files(paths)
    before = paths[1].stat()
    other = tmp_path / "other"
    other.write_bytes(b"y" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, paths[1])
    after = paths[1].stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert memo(tmp_path).of_files(paths) == [sha256(path) for path in paths]


def test_no_damage_to_the_memo_changes_a_digest(tmp_path: Path, paths: list[Path]) -> None:
    expected = memo(tmp_path).of_files(paths)
    (kept,) = (tmp_path / "memo").iterdir()
    whole = kept.read_bytes()
    for position in range(0, len(whole), 9):
        damaged = bytearray(whole)
        damaged[position] ^= 0x01
        kept.write_bytes(damaged)
        assert memo(tmp_path).of_files(paths) == expected
    kept.unlink()
    kept.mkdir()
    assert memo(tmp_path).of_files(paths) == expected
    assert kept.is_file()  # made again


def test_a_file_that_is_gone_is_an_error_that_names_it(tmp_path: Path, paths: list[Path]) -> None:
    paths[1].unlink()
    with pytest.raises(FileNotFoundError) as caught:
        memo(tmp_path).of_files(paths)
    assert caught.value.filename == str(paths[1])


def test_a_json_digest_depends_on_the_value_alone() -> None:
    assert sha256_json({"a": 1, "b": [1, 2]}) == sha256_json({"b": (1, 2), "a": 1})
    assert sha256_json({"a": 1}) != sha256_json({"a": 1.5})
    assert sha256_json({"a": 1}) != sha256_json({"a": "1"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        sha256_json({"a": float("nan")})
    with pytest.raises(TypeError):
        sha256_json({"a": Path("x")})
