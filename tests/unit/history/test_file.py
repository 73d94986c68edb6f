"""The SQLite file: what is written comes back, several may write, and what is wrong with it is said."""

from __future__ import annotations

import multiprocessing
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_quant.history.file import HistoryFile
from pytest_quant.history.schema import APPLICATION_ID, MIGRATIONS, SCHEMA
from pytest_quant.spec.errors import StorageError
from tests.unit.history.made import RESULT, RUN, UNMEASURED

WRITERS, EACH = 4, 10


def test_what_is_added_comes_back(tmp_path: Path) -> None:
    history = HistoryFile(tmp_path / "history.db")
    assert history.add(RUN, [RESULT, UNMEASURED]) == 1
    assert history.add(replace(RUN, commit=None), [replace(RESULT, int8=71.5)]) == 2
    first, second = history.runs()
    assert (first.number, first.run, first.results) == (1, RUN, (UNMEASURED, RESULT))
    assert second.run.commit is None
    assert second.results[0].int8 == 71.5
    assert [kept.number for kept in history.runs("broken")] == [1]
    assert history.runs("broken")[0].results == (UNMEASURED,)
    assert [kept.number for kept in history.runs(last=1)] == [2]
    assert history.runs("nobody") == []


def test_a_file_of_the_first_schema_becomes_one_of_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO runs (id, started, environment) VALUES (7, '2026-01-01', '{}')")
        connection.execute(
            "INSERT INTO results (run, model, net, metric, higher_is_better, int8, verdict, mood) "
            "VALUES (7, 'old', 'int8', 'top1', 1, 70.5, 'PASS', 'good')"
        )
        connection.execute("PRAGMA user_version = 1")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    history = HistoryFile(path)
    assert history.add(RUN, [RESULT]) == 8
    old, new = history.runs()
    assert (old.number, old.results[0].int8, old.results[0].files_sha256) == (7, 70.5, None)
    assert new.results == (RESULT,)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    history = HistoryFile(path)
    history.add(RUN, [RESULT])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    for attempt in (lambda: history.add(RUN, [RESULT]), history.runs):
        with pytest.raises(StorageError, match=rf"newer pytest-quant \(schema {SCHEMA + 1}, this one knows {SCHEMA}\)"):
            attempt()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "browser.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE visits (url TEXT)")
    with pytest.raises(StorageError, match="a database of another program"):
        HistoryFile(path).add(RUN, [RESULT])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("visits",)]


@pytest.mark.parametrize("content", [b"version: 1\nmodels: {}\n" * 40, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(content)
    with pytest.raises(StorageError, match="is damaged, or is not a history of pytest-quant"):
        HistoryFile(path).add(RUN, [RESULT])
    assert path.read_bytes() == content


def test_a_truncated_history_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    HistoryFile(path).add(RUN, [replace(RESULT, model=f"m{index}") for index in range(500)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        HistoryFile(path).runs()


def test_a_lock_that_nobody_gives_back_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    HistoryFile(path).add(RUN, [])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"another process has held it for 0\.1 s"):
            HistoryFile(path, wait_s=0.1).add(RUN, [RESULT])
        other.execute("ROLLBACK")
    assert HistoryFile(path, wait_s=0.1).add(RUN, [RESULT]) == 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone/history\.db: cannot be opened"):
        HistoryFile(tmp_path / "gone" / "history.db").add(RUN, [RESULT])
    with pytest.raises(StorageError, match="does not exist; pytest --quant --quant-history"):
        HistoryFile(tmp_path / "history.db").runs()
    assert not (tmp_path / "history.db").exists()


def test_an_empty_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.touch()
    with pytest.raises(StorageError, match=r"history\.db is empty; pytest --quant --quant-history"):
        HistoryFile(path).runs()
    assert path.stat().st_size == 0
    assert HistoryFile(path).add(RUN, [RESULT]) == 1


def _write(path: Path, writer: int) -> None:
    for index in range(EACH):
        HistoryFile(path).add(replace(RUN, commit=None), [replace(RESULT, model=f"w{writer}", int8=float(index))])


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    """From the first run on, when all of them would make the tables."""
    path = tmp_path / "history.db"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write, args=(path, writer)) for writer in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WRITERS
    kept = HistoryFile(path).runs()
    assert [one.number for one in kept] == list(range(1, WRITERS * EACH + 1))
    for writer in range(WRITERS):
        own = [one.results[0].int8 for one in kept if one.results[0].model == f"w{writer}"]
        assert own == [float(index) for index in range(EACH)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET environment = '[]'",
        "UPDATE runs SET environment = replace(hex(zeroblob(100000)), '00', '[')",
        "UPDATE runs SET started = x'ff00'",
        "UPDATE results SET fp32 = 'x'",
        "UPDATE results SET int8 = x'00'",
        "UPDATE results SET evaluated = 'x'",
    ],
)
def test_values_of_another_type_are_damage(tmp_path: Path, statement: str) -> None:
    """SQLite keeps a value of any type in any column."""
    path = tmp_path / "history.db"
    HistoryFile(path).add(RUN, [RESULT])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(StorageError, match=r"history\.db: is damaged, or is not a history of pytest-quant: "):
        HistoryFile(path).runs()
