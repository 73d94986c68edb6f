"""Where predictions are kept between runs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_quant.evaluation.kept import TRIALS
from pytest_quant.plugin.settings import Settings
from pytest_quant.run.xdist import is_worker
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
            if is_worker(config):  # its controller could use it: it is as if it were taken away a little later
                return settings.cache_dir
            raise pytest.UsageError(f"--quant-cache: {settings.cache_dir} cannot be used: {error.strerror}") from None
    cache: pytest.Cache | None = getattr(config, "cache", None)  # without pytest's cache plugin it has none
    try:
        return None if cache is None else _writable(cache.mkdir("quant"))
    except OSError as error:
        if is_worker(config):  # its controller has told
            return None
        warning = QuantWarning(f"predictions are not kept between runs: {error.filename}: {error.strerror}")
        try:
            config.issue_config_time_warning(warning, stacklevel=2)
        except QuantWarning:  # the user's filters make errors of warnings
            raise pytest.UsageError(f"{warning}; --quant-no-cache keeps none") from None
        return None


def will_try_nets(config: pytest.Config) -> bool:
    """Whether nets are likely to be tried, in a child process: no verdict of an earlier trial is kept.

    Asked before pytest is configured, for what may be done in vain: it need not be right.
    """
    values = vars(config.known_args_namespace)

    def text(name: str) -> str:
        return str(config.getini(name) if values.get(name) is None else values[name]).strip()

    if text("quant_executor") or text("quant_target"):
        return False
    try:
        has_tried = any((_likely_folder(config, text("quant_cache")) / TRIALS).iterdir())
    except OSError:  # there is none, or it cannot be looked at
        has_tried = False
    return text("quant_no_cache") == "True" or not has_tried


def _likely_folder(config: pytest.Config, named: str) -> Path:
    if named:
        given = config.known_args_namespace.quant_cache is not None
        return (config.invocation_params.dir if given else config.rootpath) / named
    try:
        return config.rootpath / str(config.getini("cache_dir")) / "d" / "quant"
    except ValueError:  # without pytest's cache plugin nothing is kept
        return config.rootpath / os.devnull


def _writable(folder: Path) -> Path:
    if folder.exists() and not folder.is_dir():
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
    return folder
