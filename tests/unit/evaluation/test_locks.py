"""Locks that are tried: alone, beside `filelock`, and where the file system has none."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from pytest_quant.evaluation import locks
from pytest_quant.evaluation.locks import try_lock
from tests.unit.evaluation.processes import child, said

HOLD = """
import sys
from pathlib import Path
from pytest_quant.evaluation.locks import try_lock

held = try_lock(Path(sys.argv[1]))
print("held" if held else "taken", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["flock", "filelock"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "filelock":
        monkeypatch.setattr(locks, "_has_flock", lambda folder: False)
    return tmp_path / "one.lock"


def test_one_holds_it_until_it_is_released(path: Path) -> None:
    held = try_lock(path)
    assert held is not None
    assert try_lock(path) is None
    held.release()
    held.release()
    again = try_lock(path)
    assert again is not None
    again.release()


def test_it_and_filelock_keep_each_other_out(path: Path) -> None:
    held = try_lock(path)
    assert held is not None
    with pytest.raises(Timeout):
        FileLock(path).acquire(blocking=False)
    held.release()
    with FileLock(path):
        assert try_lock(path) is None


def test_it_ends_with_its_process(path: Path) -> None:
    with child(HOLD, path) as process:
        assert said(process) == "held"
        assert try_lock(path) is None
        process.kill()
        process.wait()
    held = try_lock(path)
    assert held is not None
    held.release()


def test_a_file_that_was_removed_while_it_was_held_is_not_taken_for_the_next_one(path: Path) -> None:
    first = try_lock(path)
    path.unlink()
    second = try_lock(path)
    assert first is not None
    assert second is not None
    first.release()
    assert try_lock(path) is None
    second.release()


def test_a_file_system_without_locks_is_told_from_one_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not locks._FLOCK:
        pytest.skip("the system has no flock")

    def fail(number: int, flags: int) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr("fcntl.flock", fail)
    code = errno.ENOSYS
    assert not locks._has_flock(str(tmp_path / "."))
    code = errno.EIO
    with pytest.raises(OSError, match="no"):
        locks._has_flock(str(tmp_path / ".."))


def test_where_there_cannot_be_a_lock_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        try_lock(tmp_path / "absent" / "one.lock")
    (tmp_path / "folder.lock").mkdir()
    with pytest.raises(IsADirectoryError):
        try_lock(tmp_path / "folder.lock")
