"""An operating system that refuses: every call that opens, makes or renames something below chosen paths fails."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from typing import Any

import pytest

_WRITING = frozenset("wax+")


class Refusing:
    """Calls that fail with an ``errno`` for the paths that are refused."""

    def __init__(self, number: int, is_refused: Callable[[str], bool]) -> None:
        self.paths: list[str] = []
        """Those that were refused."""
        self._number = number
        self._is_refused = is_refused

    def check(self, path: object) -> None:
        """Raise `OSError` for a path that is refused."""
        if isinstance(path, (str, os.PathLike)) and self._is_refused(os.fspath(path)):
            self.paths.append(os.fspath(path))
            raise OSError(self._number, os.strerror(self._number), os.fspath(path))

    def opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """In the place of ``open``."""

        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if _WRITING & set(mode):
                self.check(file)
            return real(file, mode, *args, **kwargs)

        return opened

    def raw(self, real: Callable[..., int]) -> Callable[..., int]:
        """In the place of ``os.open``."""

        def opened(file: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self.check(file)
            return real(file, flags, *args, **kwargs)

        return opened

    def of_first(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """In the place of a call whose first argument is the path."""

        def called(path: Any, *args: Any, **kwargs: Any) -> Any:
            self.check(path)
            return real(path, *args, **kwargs)

        return called


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, is_refused: Callable[[str], bool]) -> list[str]:
    """Let the calls fail until the end of the test; gives the list that the refused paths go to."""
    refusing = Refusing(number, is_refused)
    monkeypatch.setattr(os, "open", refusing.raw(os.open))
    monkeypatch.setattr(io, "open", refusing.opening(io.open))
    monkeypatch.setattr(builtins, "open", refusing.opening(builtins.open))
    for name in ("replace", "rename", "mkdir"):
        monkeypatch.setattr(os, name, refusing.of_first(getattr(os, name)))
    return refusing.paths
