"""Where results go, checked before anything takes long."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.spec.errors import ConfigError


def require_folder(out: Path, option: str = "--out") -> None:
    """Raise `ConfigError` where the folder of ``out``, which an option names, does not exist."""
    if not out.absolute().parent.is_dir():
        raise ConfigError(f"{option}: the folder {out.parent} does not exist")


def beside(prefix: Path, suffix: str) -> Path:
    """The file of that prefix and suffix; dots in the prefix are part of the name.

    >>> beside(Path("squeezenet_v1.1"), ".param").name
    'squeezenet_v1.1.param'
    """
    return prefix.with_name(prefix.name + suffix)
