"""Where predictions are kept between runs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_quant.plugin.settings import Settings
from pytest_quant.spec.errors import QuantWarning


def cache_folder(config: pytest.Config, settings: Settings) -> Path | None:
    """The folder that outlives the run; None when nothing is kept.

    Raises `pytest.UsageError` when the user named a folder that cannot be used; a run does without pytest's own, with a
    warning, as pytest does.
    """
    if not settings.keep:
        return None
    if settings.cache_dir is not None:
        try:
            return _writable(settings.cache_dir)
        except OSError as error:
            raise pytest.UsageError(f"--quant-cache: {settings.cache_dir} cannot be used: {error.strerror}") from None
    cache: pytest.Cache | None = getattr(config, "cache", None)  # without pytest's cache plugin it has none
    try:
        return None if cache is None else _writable(cache.mkdir("quant"))
    except OSError as error:
        warning = QuantWarning(f"predictions are not kept between runs: {error.filename}: {error.strerror}")
        try:
            config.issue_config_time_warning(warning, stacklevel=2)
        except QuantWarning:  # the user's filters make errors of warnings
            raise pytest.UsageError(f"{warning}; --quant-no-cache keeps none") from None
        return None


def _writable(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder
