"""Where things stand in a zoo file, in front of what is wrong with them; the paths and keys that are found there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pytest_quant.spec.errors import ConfigError, MissingFileError
from pytest_quant.spec.text import encodable, shown
from pytest_quant.zoo.environment import UnsetVariableError, resolve_path
from pytest_quant.zoo.schema_problems import describe
from pytest_quant.zoo.yaml_lines import Document, KeyPath, RawEntry

T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class Places:
    """Of one zoo file."""

    document: Document

    def where(self, keys: KeyPath) -> str:
        """File, line and key."""
        return self.document.where(keys)

    def located(self, keys: KeyPath, function: Callable[..., T], *args: Any) -> T:
        """Call ``function``; its `ConfigError` gets the place in the zoo file in front."""
        try:
            return function(*args)
        except ConfigError as error:
            raise ConfigError(f"{self.where(keys)}: {error}") from None

    def validated(self, keys: KeyPath, model: type[ModelT], raw: Mapping[str, object]) -> ModelT:
        """The keys at a place as a pydantic model; raises `ConfigError` with every problem."""
        try:
            return model.model_validate(dict(raw))
        except ValidationError as error:
            raise ConfigError(describe(self.document, keys, model, error)) from None

    def with_files(self, keys: KeyPath, options: type[BaseModel], raw: RawEntry) -> RawEntry:
        """The options with the files that they name, which must be there, as absolute paths."""
        files = [
            name
            for name, field in options.model_fields.items()
            if field.annotation is Path and isinstance(raw.get(name), str)
        ]
        return {**raw, **{name: self.file((*keys, name), raw[name]) for name in files}}

    def path(self, keys: KeyPath, text: str) -> Path:
        """An absolute path; raises `MissingFileError` for a variable that is not set."""
        try:
            return resolve_path(text, self.document.path.parent)
        except UnsetVariableError as error:
            raise MissingFileError(
                f"{self.where(keys)}: the environment variable {error.args[0]} of {text!r} is not set"
            ) from None

    def file(self, keys: KeyPath, text: str) -> Path:
        """The path of a file; raises `MissingFileError` when it is not there, `ConfigError` for a name of no text."""
        path = self.path(keys, text)
        if encodable(str(path)) != str(path):
            raise ConfigError(
                f"{self.where(keys)}: the path {shown(path)} is not text in UTF-8, and no runtime opens it; rename it"
            )
        try:
            mode = path.stat().st_mode  # `is_file` of Python 3.14 says no where it could not look
            if S_ISREG(mode):
                return path
            state = "is a folder" if S_ISDIR(mode) else "is not a regular file"
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding()
            state = f"cannot be looked for: names of files are {encoding} here; PYTHONUTF8=1 makes that utf-8"
        except (FileNotFoundError, NotADirectoryError, ValueError):  # of text that no path can be
            state = "does not exist"
        except OSError as error:
            state = f"cannot be looked at: {error.strerror}"
        raise MissingFileError(f"{self.where(keys)}: {shown(path)} {state}; paths are relative to the zoo file")
