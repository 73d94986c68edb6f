"""A cache that becomes a file while a run is on: one warning says so, however much cannot be kept in it."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.runs import run_quant

CONFTEST = """
import os
from contextlib import suppress
from pathlib import Path

KEPT = Path(__file__).parent / "kept"

def take_away():
    with suppress(OSError):  # another worker has done it
        KEPT.rename("aside")
        KEPT.write_text("of somebody")
"""
COLLECTED = """
def pytest_collection_finish(session):
    take_away()
"""
AT_START = """
if "PYTEST_XDIST_WORKER" in os.environ:
    take_away()
"""


@pytest.mark.parametrize(
    ("workers", "when"),
    [((), COLLECTED), (("-n2",), COLLECTED), (("-n2",), AT_START)],
    ids=["serial", "workers", "start of workers"],
)
def test_it_is_told_once(pytester: pytest.Pytester, workers: tuple[str, ...], when: str) -> None:
    root = pytester.path
    tiny.write_images(root, count=60)
    names = [f"tiny{number}" for number in range(4)]
    tiny.write_zoo(root, {name: tiny.model_entry(root, name) for name in names})
    pytester.makeconftest(CONFTEST + when)
    found = run_quant(pytester, "--quant-cache", "kept", "-W", "default", *workers)
    assert found.status == 0, found.text
    said = [line for line in found.text.splitlines() if "QuantWarning" in line]
    assert len(said) == 1, found.text
    assert "kept takes nothing more: Not a directory; later runs compute again what is not kept there" in said[0]
    assert " 1 warning in " in found.text
    assert (root / "kept").read_text() == "of somebody"
