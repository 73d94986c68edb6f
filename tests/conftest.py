"""What all tests share."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Generator, Iterator
from importlib.util import find_spec

import pytest

# Whoever installed the plugin alone can still run ``pytest --quant`` here and see the fixtures' table.
collect_ignore_glob = [] if find_spec("hypothesis") else ["*"]

if find_spec("hypothesis"):
    from hypothesis import given, settings, strategies

    # How long a loaded machine takes says nothing of the code, and a run must not be red by the luck of a draw that no
    # change has touched: `HYPOTHESIS_PROFILE=search` draws anew.
    settings.register_profile("pytest-quant", deadline=None, derandomize=True)
    settings.register_profile("search", deadline=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pytest-quant"))

    @given(strategies.none())
    def _first_draw(_: None) -> None:
        """Have hypothesis make its generator: it asks the collector for it, which tells nothing of what is frozen."""


def pytest_report_header() -> list[str]:
    """Say what is left out."""
    return [] if find_spec("hypothesis") else ["tests/: left out, they need the extra `dev`: pip install -e '.[dev]'"]


def pytest_collection_finish() -> None:
    """Leave what was collected out of each later garbage collection; a run of pytest inside this one makes five."""
    if find_spec("hypothesis"):
        _first_draw()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CI job or a worker of pytest-xdist says of its terminal changes what is printed."""
    for name in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _warnings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where this run is one of ``--quant``, what a test cannot keep would be told at its end, and not in the test."""
    not_kept = sys.modules.get("pytest_quant.evaluation.not_kept")
    if not_kept is not None:
        monkeypatch.setattr(not_kept, "_notes", None)


@pytest.fixture(autouse=True)
def _no_threads_left(request: pytest.FixtureRequest) -> Generator[None, None, None]:
    """Nothing of a run outlives it: what still asks for nets in the next test spoils that.

    Where this run is one of ``--quant`` itself, its own threads work beside the tests, and cannot be told from others.
    """
    yield
    if request.config.getoption("quant"):
        return
    until = time.monotonic() + 10
    while left := [thread.name for thread in threading.enumerate() if thread.name.startswith("pytest-quant")]:
        assert time.monotonic() < until, f"threads of the package are left: {left}"
        time.sleep(0.001)


@pytest.fixture
def _imported_once() -> Iterator[None]:
    """Torn down after `pytester`, which forgets what was imported since it began: NumPy loads once per process."""
    from tests.integration.runs import remember_imports

    yield
    remember_imports()


@pytest.fixture
def pytester(_imported_once: None, pytester: pytest.Pytester) -> Iterator[pytest.Pytester]:
    """The usual one; what a test imported outside of any inner run is remembered, too, before it is forgotten.

    Else a net format that such a test loaded stays registered with classes of which the next test has others.
    """
    from tests.integration.runs import note_imports

    yield pytester
    note_imports(pytester.path)
