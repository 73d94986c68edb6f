"""A config file with everything that it inherits."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.paths import is_file
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import shown
from pytest_quant.spec.whole_file import whole_file
from pytest_quant.training_config.effort import FILE_VALUES, Effort
from pytest_quant.training_config.python_file import PythonFile, as_paths, base_paths
from pytest_quant.training_config.values import REST, Unread, copied, lookup, merge, separate

SUFFIXES = (".py", ".yaml", ".yml", ".json")
_MOST_BYTES = 1_000_000
"""Of a file; the largest, with the names of thousands of classes, have a third."""
_MOST_YAML_BYTES = 250_000
"""The parser takes some 4 s for as much."""


@dataclass(frozen=True)
class TrainingConfig:
    """What a training repository's config file says."""

    path: Path
    values: Mapping[object, object]

    def value(self, *keys: str) -> Any:
        """The value at a place such as ``"model", "test_cfg", "flip_test"``.

        Raises:
            KeyError: The config has no such key.
            UnreadError: The file would have to be executed to tell; the text says what stands in the way, and where.

        """
        return lookup(self.values, keys)


def read_training_config(path: Path) -> TrainingConfig:
    """Read a config file of OpenMMLab's form: Python, YAML or JSON, with its bases.

    A base that is not there, or cannot be read, leaves the values that it may set unread; the file's own are known.

    Raises `ConfigError` when the file itself does not exist, is none of these, inherits from itself, or asks for more
    than any config needs.
    """
    try:
        return TrainingConfig(path, _Reader(path).read(path, ()))
    except RecursionError as error:
        raise ConfigError(f"{shown(path)} is nested too deeply to be read, or holds itself") from error


class _Reader:
    """Reads files; each with the chain of files that led to it."""

    def __init__(self, path: Path) -> None:
        self._effort = Effort(path)

    def read(self, path: Path, heirs: tuple[Path, ...]) -> dict[object, object]:
        path = path.absolute()
        chain = (*heirs, path.resolve())
        if path.resolve() in heirs:
            raise ConfigError(f"{shown(path)} inherits from itself: {' -> '.join(map(shown, chain))}")
        self._effort.spend(FILE_VALUES)
        text = _text(path)
        if path.suffix == ".py":
            return self._python(path, text, chain)
        return self._data(path, text, chain)

    def _python(self, path: Path, text: str, chain: tuple[Path, ...]) -> dict[object, object]:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ConfigError(f"{shown(path)} is not Python: {error}") from error
        bases = base_paths(tree, path.name, self._effort)
        inherited = None if bases is None else self._bases(path, bases, chain)
        file = PythonFile(tree, path.name, lambda module: self._module(path, module, chain), self._effort)
        try:
            own = file.read(inherited)
        except RecursionError as error:
            raise ConfigError(f"{shown(path)} is nested too deeply to be read") from error
        return separate(merge(own, inherited or {}), self._effort)

    def _data(self, path: Path, text: str, chain: tuple[Path, ...]) -> dict[object, object]:
        try:
            own = parse_json(text.encode()) if path.suffix == ".json" else yaml.safe_load(text)
        except (ValueError, OverflowError, yaml.YAMLError, RecursionError) as error:
            raise ConfigError(f"{shown(path)} is not {path.suffix[1:].upper()}: {error}") from error
        except (LookupError, AttributeError, TypeError) as error:  # of PyYAML, for ``!!bool x`` and its like
            raise ConfigError(f"{shown(path)} is not YAML: a tag stands before what it does not fit") from error
        own = copied(own, self._effort)  # aliases of YAML are objects in several places
        if not isinstance(own, dict):
            raise ConfigError(f"{shown(path)}: found {type(own).__name__}, expected a mapping of config keys")
        if "_base_" not in own:
            return own
        bases = as_paths(own.pop("_base_"), f"{path.name}: `_base_` is not a list of paths")
        return merge(own, self._bases(path, bases, chain))

    def _bases(self, path: Path, bases: Sequence[str | Unread], chain: tuple[Path, ...]) -> dict[object, object]:
        joined: dict[object, object] = {}
        for base in bases:
            joined = merge(self._base(path, base, chain), joined)
        return joined

    def _base(self, path: Path, base: str | Unread, chain: tuple[Path, ...]) -> dict[object, object]:
        if isinstance(base, Unread):
            return {REST: base}
        file = path.parent / base
        if not is_file(file):
            return {REST: Unread(f"{path.name}: its base {base} is not there, expected at {shown(file)}")}
        return self.read(file, chain)

    def _module(self, path: Path, module: str, chain: tuple[Path, ...]) -> dict[object, object]:
        """The values of a config that another imports: ``.base`` beside it, ``mmpose.configs.base`` around it."""
        file = module_file(path, module)
        if file is None or not is_file(file):
            return {REST: Unread(f"{path.name}: its base {module} is not there")}
        return self.read(file, chain)


def module_file(importer: Path, module: str) -> Path | None:
    """Where a module that a config imports would lie; None when no folder around the importer has its package's name.

    >>> module_file(Path("configs/coco/net.py"), "..base.runtime").as_posix()
    'configs/base/runtime.py'
    >>> module_file(Path("/x/mmpose/configs/coco/net.py"), "mmpose.configs.base").as_posix()
    '/x/mmpose/configs/base.py'
    """
    name = module.lstrip(".")
    level = len(module) - len(name)
    parts = [part for part in name.split(".") if part]
    if not parts:
        return None
    if level:
        folder = importer.parents[level - 1] if level <= len(importer.parents) else None
    else:
        folder = next((parent.parent for parent in importer.parents if parent.name == parts[0]), None)
    return None if folder is None else folder.joinpath(*parts).with_suffix(".py")


def _text(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            f"{shown(path)}: found a file of type {path.suffix or 'none'}, expected {', '.join(SUFFIXES)}"
        )
    try:
        return whole_file(path, _MOST_YAML_BYTES if path.suffix in (".yaml", ".yml") else _MOST_BYTES).decode()
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{shown(path)} is not text in UTF-8 (byte {error.start})") from error
