from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from pytest_quant.run import loading, xdist

CODE = """
import gc, sys
from pytest_quant.run.loading import load

class Cycle:
    def __init__(self):
        self.own = self

    def __del__(self):
        print("collected")

load(("colorsys", "tabnanny"))
print({"colorsys", "tabnanny"} <= sys.modules.keys(), gc.isenabled(), gc.get_freeze_count() > 1000)
Cycle()
gc.collect()
"""


def test_what_is_there_is_left_alone_and_what_comes_later_is_collected() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True True True", "collected"]


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with loading.nothing_collected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
    with loading.nothing_collected():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_of_an_import_leaves_the_collector_on() -> None:
    expected = r"^--quant: pytest_quant\.run\.nothing_of_that_name cannot be loaded: ModuleNotFoundError: No module"
    with pytest.raises(pytest.UsageError, match=expected):
        loading.load(("pytest_quant.run.nothing_of_that_name",))
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("args", "worker", "runs"),
    [((), "", True), (("-n", "2"), "", False), (("-n", "2"), "gw0", True), (("--tx", "popen"), "", False)],
)
def test_a_controller_is_known_before_its_options_are(
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], worker: str, runs: bool
) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    if worker:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    assert xdist.will_run_tests(pytestconfig._parser.parse_known_args(args)) is runs
    assert xdist.will_be_worker() is bool(worker)
