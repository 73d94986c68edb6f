"""What a run has written down for itself is damaged or removed while it is on: told in a line, and the run is red."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.runs import run_quant

HURTING = """
import shutil
from pathlib import Path
import tempfile

def pytest_runtest_teardown(item):
    if "int8" in item.nodeid:
        for folder in Path(tempfile.gettempdir()).glob("pytest-quant-*"):
            HOW
"""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(root / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", str(root / "tmp"))
    tiny.write_images(root, 20)
    tiny.write_zoo(root)


@pytest.mark.parametrize("data", [b"", b"\xff [[[[", b"[1]"])
def test_the_plan_is_damaged(pytester: pytest.Pytester, data: bytes) -> None:
    how = f"[path.write_bytes({data!r}) for path in folder.rglob('planned.json')]"
    pytester.makeconftest(HURTING.replace("HOW", how))
    found = run_quant(pytester)
    assert "INTERNALERROR" not in found.text
    assert "planned.json: what the run wrote down was damaged while it was on" in found.text
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts == {"tiny::top1": "pass", "tiny::int8": "pass"}


def test_the_whole_folder_is_removed(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(HURTING.replace("HOW", "shutil.rmtree(folder)"))
    found = run_quant(pytester)
    assert "INTERNALERROR" not in found.text
    assert "the folder of the run was removed while it was on" in found.text
    assert found.status == pytest.ExitCode.TESTS_FAILED
