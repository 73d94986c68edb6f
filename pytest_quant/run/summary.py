"""The table at the end of a run, also where another reporter has taken the place of pytest's."""

from __future__ import annotations

import pytest

from pytest_quant.run.session import Recorder


class Summary:
    """Prints once; where the user wants no reporter (``-p no:terminal``) nothing is printed."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._is_printed = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """When pytest asks for it."""
        self._is_printed = True
        self._recorder.summarize(terminalreporter)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """When a plugin has replaced pytest's reporter, as pytest-rich does, and asks nobody for a summary."""
        plugins = config.pluginmanager
        is_replaced = plugins.has_plugin("terminal") and not plugins.has_plugin("terminalreporter")
        if is_replaced and not self._is_printed:
            self._recorder.summarize(pytest.TerminalReporter(config))
