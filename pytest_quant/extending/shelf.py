"""Things of one kind by name, each loaded when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Generic, TypeVar

from pytest_quant.extending.versions import version_of_named
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed, suggestion

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """Who registered a thing."""

    by: str
    """``pytest-quant``, a package with its version, or the path of a ``conftest.py``: messages name it."""
    version: str
    """Changes when what was registered may have changed: a package's version and the digest of its source file."""


BUILT_IN = Origin("pytest-quant", "")
"""Of what the package itself brings; its version is part of every cache key anyway."""


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered thing."""

    name: str
    origin: Origin
    load: Callable[[], T]
    reference: str = ""
    """``module:object``, where that was registered instead of the thing."""


class Shelf(Generic[T]):
    """The things of one kind, in the order in which they were registered.

    >>> shelf: Shelf[type] = Shelf("task")
    >>> shelf.put("text", BUILT_IN, lambda: str)
    >>> shelf.get("text")
    <class 'str'>
    >>> shelf.get("txt")
    Traceback (most recent call last):
        ...
    pytest_quant.spec.errors.ConfigError: found the task 'txt', expected one of text. Did you mean `text`?
    """

    def __init__(self, kind: str) -> None:
        """``kind``: what messages call one of the things, such as ``task``."""
        self.kind = kind
        self._entries: dict[str, Entry[T]] = {}
        self._loaded: dict[str, T] = {}
        self._versions: dict[str, str] = {}
        """Of things that were registered by a reference, as they were when they were loaded."""

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def put(self, name: str, origin: Origin, load: Callable[[], T], reference: str = "") -> None:
        """Register; raises `ConfigError` naming both sides when the name is taken."""
        if name in self._entries:
            raise ConfigError(
                f"{origin.by} registers the {self.kind} {name!r}, which {self._entries[name].origin.by} has registered "
                "already: give it another name"
            )
        self._entries[name] = Entry(name, origin, load, reference)

    def entry(self, name: str) -> Entry[T]:
        """What was registered under a name; raises `ConfigError` for an unknown one, with the likely meaning."""
        if name not in self._entries:
            known = listed(self._entries) or "nothing, since none is registered"
            raise ConfigError(
                f"found the {self.kind} {name!r}, expected one of {known}.{suggestion(name, self._entries)}"
            )
        return self._entries[name]

    def get(self, name: str) -> T:
        """The thing itself, loaded once; raises `ConfigError` when it is unknown or lacks something."""
        if name not in self._loaded:
            entry = self.entry(name)
            self._loaded[name] = entry.load()
            if entry.reference and entry.origin != BUILT_IN:
                self._versions[name] = version_of_named(entry.reference, imported(entry.reference, entry.origin))
        return self._loaded[name]

    def origin(self, name: str) -> Origin:
        """Who registered a thing, with its version: one that was registered by a reference is loaded for that."""
        origin = self.entry(name).origin
        if not self.entry(name).reference or origin == BUILT_IN:
            return origin
        self.get(name)
        return Origin(origin.by, f"{origin.version} {self._versions[name]}".strip())


def imported(reference: str, origin: Origin) -> object:
    """The object that ``"module:object"`` names; raises `ConfigError` naming who registered it when there is none.

    >>> imported("json:dumps", BUILT_IN).__name__
    'dumps'
    """
    module, _, path = reference.partition(":")
    if not module or not path:
        raise ConfigError(
            f"{origin.by} registers {reference!r}, expected 'module:object', such as 'my_package.task:TASK'"
        )
    try:
        found: object = import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{origin.by} registers {reference!r}, which cannot be imported: {error}") from error
    except Exception as error:  # a user's module may raise anything
        raise ConfigError(
            f"{origin.by} registers {reference!r}, which cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return found
