"""What users have registered, in another process: the source of each `conftest.py` travels, packages are imported."""

from __future__ import annotations

import hashlib
import importlib
import pickle
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from pytest_quant.extending.finding import call_hook
from pytest_quant.extending.known import active, in_use_here, with_builtins
from pytest_quant.extending.registry import Plugin, Registry
from pytest_quant.spec.errors import ConfigError

_naming = threading.Lock()
"""The names of modules are those of one session at a time."""


@dataclass(frozen=True)
class Travelling:
    """A plugin, with its source where that is not imported by its name."""

    plugin: Plugin
    source: bytes | None


@dataclass(frozen=True)
class Registrations:
    """All plugins of a session that have the hook."""

    plugins: tuple[Travelling, ...] = ()


def registrations() -> Registrations:
    """What has been registered in this session so far, beside what is built in.

    Raises `ConfigError` for a file that is another by now: what it would compute is kept as what the first one did.
    """
    return Registrations(tuple(_travelling(plugin) for plugin in active().asked.values()))


def _travelling(plugin: Plugin) -> Travelling:
    if plugin.file is None:
        return Travelling(plugin, None)
    try:
        source = plugin.file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{plugin.origin.by}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(source).hexdigest() not in plugin.origin.version:
        raise ConfigError(f"{plugin.origin.by} was replaced while the run was on; run again")
    return Travelling(plugin, source)


@dataclass(frozen=True)
class _Registered:
    registry: Registry
    modules: Mapping[str, ModuleType]


@contextmanager
def registered(sent: Registrations) -> Iterator[None]:
    """For a while this thread knows what was registered in the session that ``sent`` is from.

    Raises `ConfigError` for what cannot be imported in this process.
    """
    with _naming:
        found = _registered(sent)
    with in_use_here(found.registry):
        yield


def unpickled(sent: Registrations, data: bytes) -> object:
    """What was pickled in that session; its plugins' classes are those of this process. Use within `registered`."""
    with _naming, _named(_registered(sent).modules):
        found: object = pickle.loads(data)  # noqa: S301 - from the session that this process works for
    return found


@lru_cache(maxsize=8)
def _registered(sent: Registrations) -> _Registered:
    registry = with_builtins()
    modules: dict[str, ModuleType] = {}
    with in_use_here(registry):
        for one in sent.plugins:
            modules |= _register(one, registry, modules)
    return _Registered(registry, modules)


def _register(one: Travelling, registry: Registry, known: Mapping[str, ModuleType]) -> dict[str, ModuleType]:
    plugin = one.plugin
    if not plugin.module:
        raise ConfigError(
            f"{plugin.origin.by} registers things and is not a module, so no other process can do the same: move its "
            "pytest_quant_register to a conftest.py or a package"
        )
    try:
        if one.source is None:
            module = importlib.import_module(plugin.module)
        else:
            module = _executed(plugin.module, plugin.file or Path(plugin.origin.by), one.source, known)
    except Exception as error:  # a user's module may raise anything
        raise ConfigError(
            f"{plugin.origin.by} cannot be imported in another process: {type(error).__name__}: {error}; what it "
            "imports must be installed there"
        ) from error
    call_hook(module, registry.by(plugin.origin))
    return {} if one.source is None else {plugin.module: module}


def _executed(name: str, file: Path, source: bytes, known: Mapping[str, ModuleType]) -> ModuleType:
    """A module of its source; modules beside its file can be imported where there are any."""
    module = ModuleType(name)
    module.__file__ = str(file)
    if file.parent.is_dir() and str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    with _named({**known, name: module}):
        exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 - a module is executed by importing it
    return module


@contextmanager
def _named(modules: Mapping[str, ModuleType]) -> Iterator[None]:
    """For a while modules have their names in this process."""
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
