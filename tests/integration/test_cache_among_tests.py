"""A cache below the rootdir: pytest looks for no tests in it, whatever its folders allow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import PLAIN, UNCACHED, run_inside

OVERRIDE = "-dac_override,-dac_read_search"
"""What lets root into folders without rights."""
AS_USER = ["setpriv", f"--bounding-set={OVERRIDE}", f"--inh-caps={OVERRIDE}"] if os.geteuid() == 0 else []
TEST = "def test_it():\n    pass\n"


@pytest.mark.skipif(bool(AS_USER) and shutil.which("setpriv") is None, reason="root may look into every folder")
@pytest.mark.parametrize(
    ("folder", "mode", "args", "says"),
    [
        ("kept", 0o000, ("--quant-cache=kept",), "kept cannot be used: Permission denied"),
        ("kept", 0o300, ("--quant-cache=kept",), "cases: 3 pass"),
        ("kept", 0o000, ("-o", "quant_cache=kept", "--quant-no-cache"), "cases: 3 pass"),
        ("kept/predictions", 0o000, ("--quant-cache=kept",), "cases: 3 pass"),
    ],
)
def test_folders_without_rights(
    pytester: pytest.Pytester, folder: str, mode: int, args: tuple[str, ...], says: str
) -> None:
    tiny.write_images(pytester.path, 60)
    tiny.write_zoo(pytester.path)
    closed = pytester.path / folder
    closed.mkdir(parents=True)
    closed.chmod(mode)
    try:
        command = [*AS_USER, sys.executable, "-m", "pytest", "--quant", *PLAIN, *UNCACHED, *args]
        done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, timeout=120, check=False)
    finally:
        closed.chmod(0o755)
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == (pytest.ExitCode.OK if "pass" in says else pytest.ExitCode.USAGE_ERROR)


def collected(pytester: pytest.Pytester) -> str:
    found = run_inside(pytester, *PLAIN, *UNCACHED, "--collect-only", "-q", "--quant-cache=kept")
    return found.stdout.str()


def write_tests(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TEST)


def test_files_of_a_cache_are_no_tests_and_those_of_the_user_are(pytester: pytest.Pytester) -> None:
    kept = pytester.path / "kept"
    copies = kept / "urls"
    (copies / "notes").mkdir(parents=True)
    write_tests(copies / "files" / "test_copy.py", kept / "built" / ("0" * 32) / "test_built.py")
    assert "test_" not in collected(pytester)
    write_tests(kept / "test_own.py", kept / "results" / "test_result.py")
    said = collected(pytester)
    for name, is_there in (("own", True), ("result", True), ("copy", False), ("built", False)):
        assert (f"test_{name}.py" in said) is is_there, said
