"""A history file: runs are added and read back; whatever is wrong with it is one error that says so."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pydantic import TypeAdapter

from pytest_quant.history.records import Result, RunRecord
from pytest_quant.history.schema import SCHEMA, is_foreign, migrate, version_of
from pytest_quant.spec.errors import StorageError
from pytest_quant.spec.text import shown

_WAIT_S = 30.0
"""So long a writer waits for another one."""
_COLUMNS = tuple(field.name for field in fields(Result))
_RUN, _RESULT = TypeAdapter(RunRecord), TypeAdapter(Result)
"""SQLite keeps a value of any type in any column."""
_RENAMED = {"drop": "drop_"}
"""Names of fields that SQL has as words of its own."""


@dataclass(frozen=True)
class KeptRun:
    """A run and its results, as a history has them."""

    number: int
    """Of the run, rising with time."""
    run: RunRecord
    results: tuple[Result, ...]


class HistoryFile:
    """Runs in a SQLite file, which several processes may write at once.

    Every method raises `StorageError` for a file that is damaged, locked for too long, not a history, or of a newer
    pytest-quant.

    >>> from tempfile import mkdtemp
    >>> history = HistoryFile(Path(mkdtemp()) / "history.db")
    >>> history.add(RunRecord("2026-01-31T12:00:00+00:00", None, {}), [])
    1
    >>> [kept.run.started for kept in history.runs()]
    ['2026-01-31T12:00:00+00:00']
    """

    def __init__(self, path: Path, *, wait_s: float = _WAIT_S) -> None:
        """``wait_s``: how long another writer is waited for, in seconds."""
        self.path = path
        self._wait_s = wait_s

    def add(self, run: RunRecord, results: Iterable[Result]) -> int:
        """Keep a run; gives its number. The file is made where there is none."""
        sha, is_dirty = (None, False) if run.commit is None else (run.commit.sha, run.commit.is_dirty)
        values = (run.started, sha, is_dirty, json.dumps(run.environment, sort_keys=True))
        names = ", ".join(_RENAMED.get(name, name) for name in _COLUMNS)
        places = ", ".join("?" * (len(_COLUMNS) + 1))
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            cursor = connection.execute(
                "INSERT INTO runs (started, commit_sha, is_dirty, environment) VALUES (?, ?, ?, ?)", values
            )
            number = int(cursor.lastrowid or 0)
            rows = [(number, *asdict(one).values()) for one in results]
            connection.executemany(f"INSERT INTO results (run, {names}) VALUES ({places})", rows)  # noqa: S608
            connection.execute("COMMIT")
        return number

    def runs(self, model: str | None = None, *, last: int | None = None) -> list[KeptRun]:
        """All runs, or the ``last`` of them, the oldest first; of one ``model``: those that have it, with it alone.

        Raises `StorageError` where there is no file, or an empty one, which is left as it is.
        """
        if not self.path.exists():
            raise StorageError(
                f"{shown(self.path)} does not exist; pytest --quant --quant-history {shown(self.path)} begins it"
            )
        if self.path.is_file() and self.path.stat().st_size == 0:
            raise StorageError(
                f"{shown(self.path)} is empty; pytest --quant --quant-history {shown(self.path)} begins it anew"
            )
        with self._open() as connection:
            where, values = ("", ()) if model is None else ("WHERE model = ?", (model,))
            names = ", ".join(_RENAMED.get(name, name) for name in _COLUMNS)
            rows = connection.execute(
                f"SELECT run, {names} FROM results {where} ORDER BY run, model, net, metric",  # noqa: S608
                values,
            ).fetchall()
            heads = connection.execute("SELECT id, started, commit_sha, is_dirty, environment FROM runs ORDER BY id")
            found: dict[int, list[Result]] = {}
            for number, *fields_ in rows:
                found.setdefault(number, []).append(_result(fields_))
            kept = [
                KeptRun(number, _run(*head), tuple(found.get(number, ())))
                for number, *head in heads
                if model is None or number in found
            ]
        return kept if last is None else kept[-last:]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        name = shown(self.path)
        try:
            connection = sqlite3.connect(self.path, timeout=self._wait_s, isolation_level=None)
        except sqlite3.Error as error:
            raise StorageError(f"{name}: cannot be opened: {error}") from None
        try:
            _check(connection, name)
            connection.execute("PRAGMA journal_mode = WAL")  # readers and one writer do not wait for each other
            connection.execute("PRAGMA foreign_keys = ON")
            migrate(connection)
            yield connection
        except sqlite3.OperationalError as error:
            raise StorageError(f"{name}: {_in_words(error, self._wait_s)}") from None
        except (sqlite3.DatabaseError, ValueError, TypeError, RecursionError) as error:
            raise StorageError(
                f"{name}: is damaged, or is not a history of pytest-quant: {error}. Move it away, and the next run "
                "begins a new one"
            ) from None
        finally:
            connection.close()


def _check(connection: sqlite3.Connection, name: str) -> None:
    if is_foreign(connection):
        raise StorageError(f"{name}: is a database of another program; name another file")
    version = version_of(connection)
    if version > SCHEMA:
        raise StorageError(
            f"{name}: was written by a newer pytest-quant (schema {version}, this one knows {SCHEMA}); update it, or "
            "name another file"
        )


def _in_words(error: sqlite3.OperationalError, wait_s: float) -> str:
    if "locked" in str(error):
        return f"another process has held it for {wait_s:g} s; is one hanging?"
    return f"cannot be read or written: {error}"


def _run(started: str, sha: str | None, is_dirty: int, environment: str) -> RunRecord:
    commit = None if sha is None else {"sha": sha, "is_dirty": bool(is_dirty)}
    return _RUN.validate_python({"started": started, "commit": commit, "environment": json.loads(environment)})


def _result(values: list[object]) -> Result:
    found: dict[str, object] = dict(zip(_COLUMNS, values, strict=True))
    found["higher_is_better"] = bool(found["higher_is_better"])
    return _RESULT.validate_python(found)
