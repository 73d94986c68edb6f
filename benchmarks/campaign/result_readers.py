"""What runs leave and later commands read: reports, parts of a run, histories."""

from __future__ import annotations

import base64
import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from benchmarks.campaign.readers import Reader
from pytest_quant.cli.history import _lines
from pytest_quant.evaluation.parts.content import Content
from pytest_quant.history.file import HistoryFile
from pytest_quant.history.series import series_of
from pytest_quant.report.compare.changes import compare_reports
from pytest_quant.report.compare.words import comparison_lines, comparison_markdown
from pytest_quant.report.model import PartEntry
from pytest_quant.report.parts import read_parts
from pytest_quant.report.read import read_report
from pytest_quant.report.write import write_json
from tests.unit.history.made import RESULT, RUN, UNMEASURED
from tests.unit.reports import report_of


def result_readers(folder: Path) -> list[Reader]:
    """A reader of each kind, with its files in ``folder``."""
    (folder / "results").mkdir(exist_ok=True)
    return [_compared(folder / "results"), _part(folder / "results"), _history(folder / "results")]


def _compared(folder: Path) -> Reader:
    path = folder / "new.json"
    before = report_of()
    write_json(before, path)

    def read() -> list[str]:
        changes = compare_reports(before, read_report(path), lambda *_: "there is no cache")
        return [*comparison_lines(changes), *comparison_markdown(changes)]

    return Reader.of("report, compared", path, read, (b"", b"{}", b"[" * 100_000))


def _part(folder: Path) -> Reader:
    path = folder / "part.json"
    content = Content.of({"zoo file": "ab"}, {"predictions of int8": [(1, 2.5), {"file": Path("a")}]})
    part = PartEntry(index=1, of=1, tests=("z::m::top1",), models={"z::m": content}, datasets={"z::d": content})
    sound = report_of().model_copy(update={"part": part})
    write_json(sound, path)

    def read() -> list[object]:
        parts = read_parts([path])
        every = [one for contents in (*parts.models.values(), *parts.datasets.values()) for one in contents]
        return [one.get(name) for one in every for name in one.items]

    return Reader.of("part of a run", path, read, tuple(_carrying(path, item) for item in _ITEMS))


def _item(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode())).decode()


_ITEMS = (
    "AAAA",
    "",
    "ü",
    _item("[" * 100_000),
    _item('{"!": "data", "c": "pytest_quant.nowhere:A", "v": {}}'),
    _item('{"!": "data", "c": "pytest_quant.__main__:main", "v": {}}'),
    _item('{"!": "data", "c": "os:system", "v": {}}'),
    _item('{"!": "data", "c": "subprocess:Popen", "v": {}}'),
    _item('{"!": "nothing"}'),
    _item('{"!": "array", "c": "|O", "shape": [1], "v": "AAAAAAAAAAA="}'),
    _item('{"!": "array", "c": "<f4", "shape": [999999999999999999999], "v": "AAAA"}'),
    _item('{"!": "array", "c": "<f4", "shape": [-5], "v": "AAAAAA=="}'),
    _item('{"!": "dict", "v": [[[], 1]]}'),
    _item("9" * 5000),
    _item("NaN]"),
)


def _carrying(path: Path, item: str) -> bytes:
    report = json.loads(path.read_text())
    report["part"]["models"]["z::m"]["items"]["predictions of int8"] = item
    return json.dumps(report).encode()


def _history(folder: Path) -> Reader:
    path = folder / "history.db"
    history = HistoryFile(path, wait_s=0.1)
    for _ in range(2):
        history.add(RUN, [RESULT, UNMEASURED])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")

    def read() -> list[str]:
        for suffix in ("-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return list(_lines(series_of(HistoryFile(path, wait_s=0.1).runs()), plots=True))

    return Reader.of("history", path, read, tuple(_changed(path, statement) for statement in _STATEMENTS))


_STATEMENTS = (
    "UPDATE runs SET environment = '{'",
    "UPDATE runs SET environment = '[]'",
    "UPDATE runs SET environment = replace(hex(zeroblob(100000)), '00', '[')",
    "UPDATE runs SET started = x'ff00'",
    "UPDATE runs SET is_dirty = 'x', commit_sha = 7",
    "UPDATE results SET fp32 = 'x'",
    "UPDATE results SET int8 = x'00'",
    "UPDATE results SET drop_ = 9e999",
    "UPDATE results SET evaluated = 'x', total = NULL",
    "UPDATE results SET metric = 7",
    "UPDATE results SET unit = 7, maximum = 'x'",
    "UPDATE results SET verdict = NULL",
    "UPDATE results SET mood = 'x'",
    "UPDATE results SET model = CAST(x'ff' AS TEXT)",
    "DROP TABLE results",
    "ALTER TABLE runs DROP COLUMN environment",
    "PRAGMA user_version = 99",
    "PRAGMA user_version = -1",
    "PRAGMA user_version = 0",
)


def _changed(path: Path, statement: str) -> bytes:
    """The history behind a statement of SQL."""
    other = path.with_name("other.db")
    other.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError:  # the table itself refuses it
            return b"SQLite format 3\0"
    return other.read_bytes()
