"""``${NAME}`` and ``${NAME:-default}`` in the paths of a zoo file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

_VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class UnsetVariableError(Exception):
    """A path needs an environment variable that is not set and has no default; ``args[0]`` is its name."""


def expand(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Replace the variables of ``text``; as in a shell, ``:-`` also replaces one that is set to nothing.

    >>> expand("${ROOT:-data}/cifar10", {})
    'data/cifar10'
    """
    if "${" not in text:
        return text
    known = os.environ if environ is None else environ

    def value(match: re.Match[str]) -> str:
        found = known.get(match["name"], "")
        if found:
            return found
        if match["default"] is None:
            raise UnsetVariableError(match["name"])
        return str(match["default"])

    return _VARIABLE.sub(value, text)


def resolve_path(text: str, folder: Path) -> Path:
    """An absolute path: variables expanded, relative to ``folder`` unless it is absolute; symbolic links stay."""
    return Path(os.path.normpath(os.path.join(folder, os.path.expanduser(expand(text)))))
