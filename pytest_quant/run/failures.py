"""Where a failure points: at what the user wrote, in the zoo file or the test, never into the plugin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

import pytest

import pytest_quant
from pytest_quant.plugin.items import CaseItem
from pytest_quant.spec.errors import QuantError
from pytest_quant.spec.text import shown

if TYPE_CHECKING:
    from typing import TypeAlias

    Caught: TypeAlias = pytest.ExceptionInfo[BaseException]

_PACKAGE = Path(pytest_quant.__file__).parent
_RUNNING_US = ("_pytest", "pluggy", "pytest")
"""What calls tests: its frames stand before the user's."""


def place_of(item: pytest.Item) -> tuple[Path, int]:
    """The file and the line, counted from 1, that an item is about."""
    path, line, _ = item.reportinfo()
    return Path(os.fspath(path)), (line or 0) + 1


def told(item: pytest.Item, caught: Caught, text: str) -> object:
    """A message of ours as pytest shows a failure: the text alone, with the crash at the item's own line.

    The first line of the text is what one-line forms show: ``--tb=line``, the short summary, annotations, JUnit. The
    summary has the test id but no line, ``--tb=line`` has the line but no id: each is given what it lacks.
    """
    shown_failure = caught.getrepr(style="native")
    crash = shown_failure.reprcrash
    if crash is None:  # every frame is hidden
        return text
    path, line = place_of(item)
    is_line = item.config.getoption("tbstyle", "auto") == "line"
    in_summary = f"line {line}" if path.suffix == ".yaml" else ""
    lacking = item.nodeid.partition("::")[2] if is_line else in_summary
    crash.path, crash.lineno = shown(path), line
    first = text.partition("\n")[0].removeprefix(f"{shown(path)}:{line}: ").removeprefix("FAIL: ")
    crash.message = f"{lacking}: {first}" if lacking else first
    (entry,) = shown_failure.reprtraceback.reprentries
    entry.lines = [] if is_line else [f"{text}\n"]
    return shown_failure


def is_ours(caught: Caught | None) -> bool:
    """Whether what was raised is an outcome that the plugin chose: a skip, or a failure that needs no traceback."""
    if caught is None or not caught.traceback:
        return False
    chosen = isinstance(caught.value, pytest.skip.Exception) or _needs_no_traceback(caught.value)
    return chosen and Path(caught.traceback[-1].path).is_relative_to(_PACKAGE)


def point_at_item(item: pytest.Item, report: pytest.TestReport, caught: Caught) -> None:
    """Let the report of an outcome of ours say where its item stands."""
    path, line = place_of(item)
    if isinstance(report.longrepr, tuple):  # a skip: those for one reason stand together in the summary
        report.longrepr = (str(path), 1 if isinstance(item, CaseItem) else line, report.longrepr[2])
    elif report.failed and not isinstance(item, CaseItem) and not isinstance(report.longrepr, str):
        report.longrepr = told(item, caught, str(caught.value))  # type: ignore[assignment]


def _needs_no_traceback(error: BaseException) -> bool:
    return isinstance(error, pytest.fail.Exception) and not error.pytrace


def hide_our_frames(item: pytest.Item, caught: Caught) -> None:
    """Let a traceback end where the user's test called the plugin; ``--full-trace`` shows everything.

    What the plugin called in turn and the user wrote, such as a task's ``decode``, stays.
    """
    if item.config.getoption("fulltrace", False) or is_ours(caught):
        return
    shown_to = _Users(item.config.rootpath)
    kept = [entry for entry in _chain(caught.tb) if shown_to.may_see(entry.tb_frame)]
    chain: TracebackType | None = None
    for entry in reversed(kept):
        chain = TracebackType(chain, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    if chain is not None:
        caught.traceback = type(caught.traceback)(chain)
    if isinstance(caught.value, QuantError):  # its text is complete: what it came from is the plugin's
        caught.value.__cause__, caught.value.__suppress_context__ = None, True


def _chain(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


class _Users:
    """Asked of frames from the outermost on: which to show.

    All up to the first frame of the plugin that stands behind one of the user's; from there on only the user's.
    """

    def __init__(self, rootdir: Path) -> None:
        self._rootdir = rootdir
        self._has_user = self._is_within = False

    def may_see(self, frame: FrameType) -> bool:
        """Whether the user is to see this frame."""
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE):
            self._is_within |= self._has_user
            return not self._has_user
        if self._is_within:
            return path.is_relative_to(self._rootdir) and "site-packages" not in path.parts
        self._has_user |= str(frame.f_globals.get("__name__")).partition(".")[0] not in _RUNNING_US
        return True
