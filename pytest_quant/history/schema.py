"""The tables of a history file, and how an older file becomes a newer one."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x71_75_61_6E
"""Says in the file's header whose it is: `quan`."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            started TEXT NOT NULL,
            commit_sha TEXT,
            is_dirty INTEGER NOT NULL DEFAULT 0,
            environment TEXT NOT NULL
        )""",
        """CREATE TABLE results (
            run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            model TEXT NOT NULL,
            net TEXT NOT NULL,
            metric TEXT NOT NULL,
            unit TEXT,
            maximum REAL,
            higher_is_better INTEGER NOT NULL,
            fp32 REAL,
            int8 REAL,
            drop_ REAL,
            ci_low REAL,
            ci_high REAL,
            evaluated INTEGER,
            total INTEGER,
            samples_sha256 TEXT,
            verdict TEXT NOT NULL,
            mood TEXT NOT NULL,
            PRIMARY KEY (run, model, net, metric)
        )""",
        "CREATE INDEX results_by_model ON results (model, run)",
    ),
    ("ALTER TABLE results ADD COLUMN files_sha256 TEXT",),
)
"""The statements that lead from each version of the schema to the next; a file says its version in its header."""

SCHEMA = len(MIGRATIONS)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of a file's tables; 0: it has none."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether a file is a database of something else."""
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(owner != APPLICATION_ID and (owner or tables or version_of(connection)))


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file to the newest version, at once or not at all; another process may do so at the same time."""
    if version_of(connection) == SCHEMA:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for version in range(version_of(connection), SCHEMA):
            for statement in MIGRATIONS[version]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
