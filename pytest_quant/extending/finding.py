"""Who registers what: the `conftest.py` files of a zoo file and installed packages, found without a pytest session."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from pytest_quant.extending.hookspecs import HOOK
from pytest_quant.extending.registry import Plugin, Registry
from pytest_quant.extending.shelf import Origin
from pytest_quant.extending.versions import file_digest
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import relative_posix, shown

_GROUP = "pytest11"
_OWN = "pytest_quant.plugin.entry"
_CONFTEST = "conftest.py"
_INI_FILES: Mapping[str, tuple[str, ...]] = {
    "pytest.toml": (),
    ".pytest.toml": (),
    "pytest.ini": (),
    ".pytest.ini": (),
    "pyproject.toml": ("[tool.pytest",),
    "tox.ini": ("[pytest]",),
    "setup.cfg": ("[tool:pytest]",),
}
"""Files that make their folder pytest's rootdir, and what one of them must hold to do so."""


def origin_of_file(file: Path, rootdir: Path) -> Origin:
    """Of what a `conftest.py` or a plugin module registers: its path relative to rootdir, and its digest."""
    return Origin(relative_posix(file, rootdir), file_digest(file))


def origin_of_package(name: str, version: str, module: object) -> Origin:
    """Of what an installed package registers: its name, its version, and the digest of the module with the hook."""
    file = getattr(module, "__file__", None)
    return Origin(name, f"{version} {file_digest(Path(file)) if file else ''}".strip())


def register_found(registry: Registry, zoo_file: Path) -> None:
    """Register what pytest would register for a zoo file: of installed packages, then of each `conftest.py`.

    Raises `ConfigError` for a `conftest.py` that cannot be imported, a name that is taken, or a thing that lacks
    something.
    """
    for name, version, module in _installed():
        call_hook(module, registry.by(origin_of_package(name, version, module)))
    register_conftests(registry, zoo_file, rootdir_of(zoo_file))


def register_conftests(registry: Registry, zoo_file: Path, rootdir: Path) -> None:
    """Register what the `conftest.py` files beside and above a zoo file bring, up to rootdir, outermost first.

    One that has been asked already is left out.
    """
    for file in conftests_of(zoo_file, rootdir):
        origin = origin_of_file(file, rootdir)
        if origin.by not in registry.asked:
            call_hook(_imported_conftest(file), registry.by(origin))


def call_hook(plugin: object, registry: Registry) -> None:
    """Call the hook of a plugin that has it; ``registry`` knows whose it is."""
    hook = getattr(plugin, HOOK, None)
    if hook is None:
        return
    module = plugin.__name__ if inspect.ismodule(plugin) else ""
    file = file_of(plugin)
    registry.asked[registry.origin.by] = Plugin(registry.origin, module, None if _is_installed(file) else file)
    hook(registry=registry)


def _is_installed(file: Path | None) -> bool:
    """Whether a module lies among the installed packages, where another process imports it by its name."""
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")}
    return file is not None and any(file.resolve().is_relative_to(folder) for folder in folders)


def rootdir_of(zoo_file: Path) -> Path:
    """The folder that pytest would take for rootdir: of an ini file above, else of ``setup.py``, else where one is."""
    folder = zoo_file.absolute().parent
    above = (folder, *folder.parents)
    for parent in above:
        if any(_is_ini(parent / name, words) for name, words in _INI_FILES.items()):
            return parent
    with_setup = next((parent for parent in above if (parent / "setup.py").is_file()), None)
    if with_setup is not None:
        return with_setup
    return Path.cwd() if folder.is_relative_to(Path.cwd()) else folder


def conftests_of(zoo_file: Path, rootdir: Path) -> list[Path]:
    """The `conftest.py` files beside and above a zoo file up to rootdir, outermost first."""
    folder = zoo_file.absolute().parent
    folders = [parent for parent in (folder, *folder.parents) if parent.is_relative_to(rootdir)]
    return [parent / _CONFTEST for parent in reversed(folders) if (parent / _CONFTEST).is_file()]


def _is_ini(file: Path, words: tuple[str, ...]) -> bool:
    if not file.is_file():
        return False
    return not words or any(word in file.read_text(encoding="utf-8", errors="replace") for word in words)


def _imported_conftest(file: Path) -> ModuleType:
    """The module, imported once; modules beside it can be imported by it, as under pytest."""
    name = f"conftest_{hashlib.sha256(os.fsencode(file)).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{shown(file)}: cannot be imported")
    module = importlib.util.module_from_spec(spec)
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{shown(file)}: cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _installed() -> Iterator[tuple[str, str, ModuleType]]:
    """Name and version of each package whose pytest plugin has the hook, and the plugin."""
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        if point.dist is not None and point.value != _OWN and _mentions_hook(point):
            yield point.dist.name, point.dist.version, importlib.import_module(point.module)


def _mentions_hook(point: EntryPoint) -> bool:
    """Whether the plugin's source names the hook: others need not be imported to know that they do not matter."""
    try:
        spec = importlib.util.find_spec(point.module)
    except ImportError:
        return False
    source = None if spec is None or spec.loader is None else getattr(spec.loader, "get_source", lambda _: None)
    text = None if source is None else source(point.module)
    return text is None or HOOK in text


def file_of(plugin: object) -> Path | None:
    """The file of a plugin that is a module; None for any other."""
    file = getattr(plugin, "__file__", None) if inspect.ismodule(plugin) else None
    return None if file is None else Path(file)
