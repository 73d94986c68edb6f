"""What the operating system refuses: the run does without where it can, else one message has path and reason."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.refusing import refuse
from tests.integration.runs import Run, run_quant

ERRORS = [errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EIO, errno.EMFILE]
KINDS = ["predictions", "built", "digests"]


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    tiny.write_images(root / "calibration", 30, seed=7)
    calibrated = {"int8": {"calibrate": {"images": "calibration/images"}}}
    tiny.write_zoo(root, {"tiny": tiny.model_entry(root), "made": tiny.model_entry(root, "made", **calibrated)})
    return root


def same_as(found: Run, undisturbed: Run) -> bool:
    assert undisturbed.report is not None
    assert found.report is not None
    parts = ("metrics", "samples", "flips", "files")
    pairs = [(found.report["models"][name], entry) for name, entry in undisturbed.report["models"].items()]
    return found.verdicts == undisturbed.verdicts and all(a[part] == b[part] for a, b in pairs for part in parts)


@pytest.fixture
def undisturbed(pytester: pytest.Pytester) -> Run:
    found = run_quant(pytester, "--quant-no-cache")
    assert found.status == 0
    return found


def in_run_folder(path: str) -> bool:
    return "/" in path.partition("/pytest-quant-")[2]


def ids(value: Any) -> str:
    return errno.errorcode[value]


@pytest.mark.parametrize(
    ("folder", "number"),
    [*(("kept", number) for number in ERRORS), *((f"kept/{one}", errno.ENOSPC) for one in KINDS)],
    ids=lambda value: ids(value) if isinstance(value, int) else value,
)
def test_a_cache_that_takes_nothing(
    pytester: pytest.Pytester, undisturbed: Run, monkeypatch: pytest.MonkeyPatch, folder: str, number: int
) -> None:
    (pytester.path / folder).mkdir(parents=True)
    with monkeypatch.context() as patched:
        below = str(pytester.path / folder) + "/"
        refused = refuse(patched, number, lambda path: path.startswith(below))
        found = run_quant(pytester, "--quant-cache", "kept", "-W", "default")
    assert refused
    assert same_as(found, undisturbed)
    assert found.status == 0
    assert found.text.count("takes nothing more: ") == found.text.count(os.strerror(number)) == 1, found.text
    again = run_quant(pytester, "--quant-cache", "kept")
    assert same_as(again, undisturbed)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE], ids=ids)
def test_a_run_folder_that_takes_nothing(
    pytester: pytest.Pytester, undisturbed: Run, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patched:
        refused = refuse(patched, number, lambda path: "/pytest-quant-" in path)
        found = run_quant(pytester, "--quant-cache", "kept")
        assert refused
        assert found.status == pytest.ExitCode.USAGE_ERROR  # not even the folder itself
        assert "--quant: the folder of the run cannot be made: " in found.errors
        assert os.strerror(number) in found.errors
    with monkeypatch.context() as patched:
        refused = refuse(patched, number, lambda path: in_run_folder(path) and "/alive" not in path)
        found = run_quant(pytester, "--quant-cache", "kept")
    assert refused
    assert found.status == pytest.ExitCode.TESTS_FAILED
    for text in (found.text, found.errors):
        assert "INTERNALERROR" not in text
        assert "Traceback" not in text
    assert "/pytest-quant-" in found.text
    assert os.strerror(number) in found.text
    assert same_as(run_quant(pytester, "--quant-cache", "kept"), undisturbed)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE], ids=ids)
def test_locks_that_cannot_be_taken(
    pytester: pytest.Pytester, undisturbed: Run, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    with monkeypatch.context() as patched:
        refused = refuse(patched, number, lambda path: path.endswith(".lock") and "/alive/" not in path)
        found = run_quant(pytester, "--quant-cache", "kept")
    assert refused
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in found.text
    assert "Traceback" not in found.text
    reasons = {case["reason"] for case in found.cases.values() if case["verdict"] == "error"}
    assert reasons
    assert all(".lock: " in reason and os.strerror(number) in reason for reason in reasons), reasons
    assert same_as(run_quant(pytester, "--quant-cache", "kept"), undisturbed)


@pytest.mark.parametrize("number", [errno.ENOSPC], ids=ids)
@pytest.mark.parametrize(
    "option", ["--quant-report=out/r.md", "--quant-report=out/r.html", "--quant-baseline=out/b.json"]
)
def test_what_is_written_at_the_end(
    pytester: pytest.Pytester, undisturbed: Run, monkeypatch: pytest.MonkeyPatch, option: str, number: int
) -> None:
    (pytester.path / "out").mkdir()
    update = ("--quant-update-baseline",) if "baseline" in option else ()
    with monkeypatch.context() as patched:
        below = str(pytester.path / "out") + "/"
        refused = refuse(patched, number, lambda path: path.startswith(below))
        found = run_quant(pytester, option, *update)
    assert refused
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert {name: found.verdicts[name] for name in undisturbed.verdicts} == undisturbed.verdicts
    name = option.partition("/")[2]
    assert f"out/{name}" in found.text
    assert f"cannot be written: {pytester.path}/out/" in found.text
    assert os.strerror(number) in found.text
    assert "INTERNALERROR" not in found.text


def test_a_writer_that_fails_is_told_and_the_verdicts_stand(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text("""
def write(report, path):
    return {}["nothing"]

def pytest_quant_register(registry):
    registry.report(".odd", write)
""")
    found = run_quant(pytester, "--quant-report", "r.odd")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert set(found.verdicts.values()) == {"pass"}
    assert f"--quant-report: {pytester.path}/r.odd cannot be written: KeyError: 'nothing' (conftest.py:3)" in found.text
    assert "INTERNALERROR" not in found.text


def test_a_calibration_image_that_cannot_be_read_is_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, read = os.open, os.read
    bad: set[int] = set()

    def opens(path: Any, *args: Any, **kwargs: Any) -> int:
        number = opened(path, *args, **kwargs)
        (bad.add if str(path).endswith("calibration/images/010.png") else bad.discard)(number)
        return number

    def reads(number: int, size: int) -> bytes:
        if number in bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))  # without the path
        return read(number, size)

    monkeypatch.setattr(os, "open", opens)
    monkeypatch.setattr(os, "read", reads)
    found = run_quant(pytester)
    reason = found.cases["made::top1"]["reason"]
    assert "calibration image calibration/images/010.png cannot be read: Input/output error" in reason
    assert found.verdicts["tiny::top1"] == "pass"


def test_pictures_that_cannot_be_kept(
    pytester: pytest.Pytester, undisturbed: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refuse(patched, errno.ENOSPC, lambda path: "/pytest-quant-" in path and "/illustrations" in path)
        found = run_quant(pytester, "--quant-report", "page.html")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts == undisturbed.verdicts
    assert "the report lacks a part: " in found.text
    assert "No space left on device" in found.text
    assert (pytester.path / "page.html").exists()
    assert "INTERNALERROR" not in found.text


def test_rehash_reads_every_image_and_finds_what_was_changed_behind_its_stamp(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting.write_conftest(pytester.path, monkeypatch)
    image = pytester.path / "images" / "000.png"
    first = run_quant(pytester, "--quant-cache", "kept")
    counting.passes(pytester.path)
    data = image.read_bytes()
    content = (pytester.path / "images" / "001.png").read_bytes()
    # A file system that lies about its times and inodes: the stamp of the old file stays.
    from pytest_quant.evaluation import digests

    stamp = digests._stamp(image)
    image.write_bytes(content)
    real = digests._stamp
    monkeypatch.setattr(digests, "_stamp", lambda path: stamp if path == image else real(path))
    stale = run_quant(pytester, "--quant-cache", "kept")
    assert counting.passes(pytester.path) == {}
    rehashed = run_quant(pytester, "--quant-cache", "kept", "--quant-rehash")
    assert counting.passes(pytester.path)
    after = run_quant(pytester, "--quant-cache", "kept")  # what was read anew is known from now on
    assert counting.passes(pytester.path) == {}
    hashes = []
    for found in (first, stale, rehashed, after):
        assert found.report is not None
        hashes.append(found.report["models"]["tiny"]["samples"]["sha256"])
    assert hashes[0] == hashes[1] != hashes[2] == hashes[3]
    assert data != content
    (pytester.path / "pytest.ini").write_text("[pytest]\nquant_rehash = true\n")
    again = run_quant(pytester, "--quant-cache", "kept", "-n2")
    assert again.report is not None
    assert again.report["models"]["tiny"]["samples"] == rehashed.report["models"]["tiny"]["samples"]  # type: ignore[index]
