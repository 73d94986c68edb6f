"""The hook ``pytest_quant_register``: called for each plugin of a pytest session, when pytest has loaded it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_quant.extending.finding import call_hook, file_of, origin_of_file, origin_of_package, register_conftests
from pytest_quant.extending.hookspecs import HOOK
from pytest_quant.extending.known import active, in_use, with_builtins
from pytest_quant.extending.registry import Registry
from pytest_quant.extending.shelf import Origin
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed


class Registering:
    """Fills the registry of one session; a ``conftest.py`` may come as late as the collection of its folder."""

    def __init__(self, registry: Registry, rootdir: Path) -> None:
        self.is_collecting = False
        self._registry = registry
        self._rootdir = rootdir

    def pytest_plugin_registered(self, plugin: object, plugin_name: str, manager: pytest.PytestPluginManager) -> None:
        """Pytest calls this for plugins that come, and at once for all that are there already."""
        if not hasattr(plugin, HOOK):
            return
        try:
            call_hook(plugin, self._registry.by(self._origin(plugin, plugin_name, manager)))
        except ConfigError as error:
            if self.is_collecting:
                raise pytest.Collector.CollectError(str(error)) from None
            raise

    def _origin(self, plugin: object, name: str, manager: pytest.PytestPluginManager) -> Origin:
        for installed, distribution in manager.list_plugin_distinfo():
            if installed is plugin:
                return origin_of_package(distribution.project_name, distribution.version, plugin)
        file = file_of(plugin)
        return Origin(name, "") if file is None else origin_of_file(file, self._rootdir)


def register_uncollected(zoo_files: Iterable[Path], rootdir: Path) -> None:
    """Register what the ``conftest.py`` files of some zoo files bring that this process has not loaded.

    A controller of pytest-xdist collects nothing, and yet it makes the report. Raises `ConfigError` like any of them.
    """
    for zoo_file in dict.fromkeys(zoo_files):
        register_conftests(active(), zoo_file, rootdir)


def start_registering(config: pytest.Config, reports: tuple[Path, ...]) -> Registry:
    """A registry for this session, with what its plugins bring so far; in use until the session ends.

    Raises `pytest.UsageError` for what a plugin registers and cannot be used, and for a report without a writer.
    """
    usage = ExitStack()
    registry = usage.enter_context(in_use(with_builtins()))
    config.add_cleanup(usage.close)
    registering = Registering(registry, config.rootpath)
    try:
        config.pluginmanager.register(registering, "quant-registering")
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from None
    registering.is_collecting = True
    for path in reports:
        if path.suffix not in registry.reports:
            suffixes = listed(registry.reports)
            raise pytest.UsageError(
                f"--quant-report: {path.name}: expected a file name that ends in one of {suffixes}, which have a writer"
            )
    return registry
