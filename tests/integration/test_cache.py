"""What is kept between runs, and what of it a later run uses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.integration import counting
from tests.integration.runs import PLAIN, Run, run_quant

COUNT = 120
"""Shards of 50, 50 and 20."""

BOTH = {"tiny": COUNT, "tiny-int8": COUNT}


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=COUNT)
    tiny.write_zoo(root)
    counting.write_conftest(root, monkeypatch)
    return root


def run(pytester: pytest.Pytester, *args: str) -> Run:
    """A run with pytest's own cache plugin, as users have it."""
    return run_quant(pytester, *args, cached=True)


def cached(found: Run) -> dict[str, bool]:
    """Which sides were there already."""
    assert found.report is not None
    sides: dict[str, bool] = found.report["models"]["tiny"]["timing"]["cached"]
    return sides


def test_a_second_run_computes_nothing_and_says_the_same(pytester: pytest.Pytester, project: Path) -> None:
    first = run(pytester)
    assert counting.passes_by_net(project) == BOTH
    assert cached(first) == {"fp32": False, "int8": False}
    second = run(pytester)
    assert counting.passes_by_net(project) == {}
    assert cached(second) == {"fp32": True, "int8": True}
    assert first.report is not None
    assert second.report is not None
    assert second.report["models"]["tiny"]["metrics"] == first.report["models"]["tiny"]["metrics"]
    assert second.report["models"]["tiny"]["samples"] == first.report["models"]["tiny"]["samples"]
    assert second.report["models"]["tiny"]["timing"]["images_per_second"]["int8"] > 0  # as measured in the first
    assert [path.name for path in (project / ".pytest_cache" / "d").iterdir()] == ["quant"]


def test_a_copy_of_the_project_elsewhere_can_use_the_same_cache(pytester: pytest.Pytester, project: Path) -> None:
    run(pytester, "--quant-cache", "kept")
    assert counting.passes_by_net(project) == BOTH
    (project / "elsewhere").mkdir()
    tiny.write_images(project / "elsewhere", count=COUNT)
    tiny.write_zoo(project / "elsewhere", {"other-name": tiny.model_entry(project / "elsewhere", "other-name")})
    run(pytester, "--quant-cache", "kept", "elsewhere")
    assert counting.passes_by_net(project) == {}


@pytest.mark.parametrize("side", ["fp32", "int8"])
def test_a_changed_net_is_computed_on_its_side_only(pytester: pytest.Pytester, project: Path, side: str) -> None:
    run(pytester)
    counting.passes(project)
    stem = {"fp32": "tiny", "int8": "tiny-int8"}[side]
    path = project / f"{stem}.bin"
    data = bytearray(path.read_bytes())
    data[6 if side == "fp32" else 5] ^= 0x10
    path.write_bytes(data)
    found = run(pytester)
    assert counting.passes_by_net(project) == {stem: COUNT}
    assert cached(found) == {"fp32": side == "int8", "int8": side == "fp32"}


def test_changed_preprocessing_is_computed_on_both_sides(pytester: pytest.Pytester, project: Path) -> None:
    run(pytester)
    counting.passes(project)
    tiny.write_zoo(project, {"tiny": tiny.model_entry(project, preprocess={"backend": "opencv"})})
    assert cached(run(pytester)) == {"fp32": False, "int8": False}
    assert counting.passes_by_net(project) == BOTH


def test_a_changed_image_is_computed_with_its_shard_and_a_changed_label_not_at_all(
    pytester: pytest.Pytester, project: Path
) -> None:
    before = run(pytester)
    counting.passes(project)
    images = sorted((project / "images").iterdir())
    images[0].write_bytes(images[1].read_bytes())
    changed = run(pytester)
    by_net = counting.passes_by_net(project)
    assert by_net in ({"tiny": size, "tiny-int8": size} for size in (50, 20))  # its shard
    lines = (project / "list.txt").read_text().splitlines()
    (project / "list.txt").write_text("\n".join(f"{line.split()[0]} 0" for line in lines))
    relabelled = run(pytester)
    assert counting.passes_by_net(project) == {}
    assert cached(relabelled) == {"fp32": True, "int8": True}
    assert relabelled.metric("tiny")["fp32"] < before.metric("tiny")["fp32"]
    hashes = set()
    for found in (before, changed, relabelled):
        assert found.report is not None
        hashes.add(found.report["models"]["tiny"]["samples"]["sha256"])
    assert len(hashes) == 3


def test_a_subset_s_shards_serve_the_whole(pytester: pytest.Pytester, project: Path) -> None:
    run(pytester, "--quant-samples", "100", "--quant-inconclusive", "pass")
    assert counting.passes_by_net(project) == {"tiny": 100, "tiny-int8": 100}
    run(pytester)
    assert counting.passes_by_net(project) == {"tiny": 20, "tiny-int8": 20}
    run(pytester, "--quant-samples", "50", "--quant-inconclusive", "pass")
    assert counting.passes_by_net(project) == {}
    run(pytester, "--quant-seed", "1")
    assert counting.passes_by_net(project) == BOTH  # other shards


def test_no_cache_keeps_nothing_and_uses_nothing(pytester: pytest.Pytester, project: Path) -> None:
    for _ in range(2):
        assert cached(run(pytester, "--quant-no-cache")) == {"fp32": False, "int8": False}
        assert counting.passes_by_net(project) == BOTH
    assert not (project / ".pytest_cache" / "d").exists()
    run(pytester)
    assert counting.passes_by_net(project) == BOTH
    run(pytester, "--quant-no-cache")
    assert counting.passes_by_net(project) == BOTH


def test_the_folder_may_be_chosen(pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(pytester, "--quant-cache", "deep/kept")
    assert counting.passes_by_net(project) == BOTH
    assert (project / "deep" / "kept").is_dir()
    assert not (project / ".pytest_cache" / "d").exists()
    (project / "pytest.ini").write_text("[pytest]\nquant_cache = deep/kept\n")
    (project / "sub").mkdir()
    monkeypatch.chdir(project / "sub")
    run(pytester, "..")  # the ini's path is relative to rootdir
    assert counting.passes_by_net(project) == {}
    run(pytester, "..", "--quant-cache", "other")  # the command line's to the working folder, and it wins
    assert counting.passes_by_net(project) == BOTH
    assert (project / "sub" / "other").is_dir()


def test_pytest_s_own_switches_work(pytester: pytest.Pytester, project: Path) -> None:
    for _ in range(2):
        found = run(pytester, "-p", "no:cacheprovider")
        assert found.status == 0
        assert counting.passes_by_net(project) == BOTH
    run(pytester)
    counting.passes(project)
    run(pytester, "--cache-clear")
    assert counting.passes_by_net(project) == BOTH
    run(pytester, "-o", "cache_dir=moved")
    assert counting.passes_by_net(project) == BOTH
    assert (project / "moved" / "d" / "quant").is_dir()


def test_a_damaged_cache_is_mended(pytester: pytest.Pytester, project: Path) -> None:
    before = run(pytester)
    counting.passes(project)
    kept = project / ".pytest_cache" / "d" / "quant"
    files = sorted(path for path in kept.rglob("*") if path.is_file())
    for path in files:
        path.write_bytes(path.read_bytes()[:-1])
    again = run(pytester)
    assert again.status == 0
    assert counting.passes_by_net(project) == BOTH
    assert again.metric("tiny") == before.metric("tiny")
    run(pytester)
    assert counting.passes_by_net(project) == {}


def test_a_cache_that_cannot_be_written_stops_no_run(pytester: pytest.Pytester, project: Path) -> None:
    (project / "file").write_text("in the way")
    found = run(pytester, "-o", "cache_dir=file/cache", "-W", "default")
    assert found.status == 0
    assert counting.passes_by_net(project) == BOTH
    found = run(pytester, "--quant-cache", "file")
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert f"--quant-cache: {project / 'file'}" in found.errors


def test_two_runs_at_once_share_a_cache_and_are_right(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    alone = run(pytester, "--quant-no-cache")
    counting.passes(project)
    processes = []
    for name in ("one", "two"):
        options = ["--quant", "--quant-cache", "kept", "--quant-report", f"{name}.json"]
        command = [sys.executable, "-m", "pytest", *PLAIN, *options]
        processes.append(subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL))
    assert [process.wait(120) for process in processes] == [0, 0]
    assert alone.report is not None
    for name in ("one", "two"):
        report = json.loads((project / f"{name}.json").read_text())
        assert report["models"]["tiny"]["metrics"] == alone.report["models"]["tiny"]["metrics"]
        assert report["models"]["tiny"]["samples"] == alone.report["models"]["tiny"]["samples"]
    found = counting.passes_by_net(project)
    assert all(COUNT <= count <= 2 * COUNT for count in found.values())
    assert cached(run(pytester, "--quant-cache", "kept")) == {"fp32": True, "int8": True}
    assert counting.passes_by_net(project) == {}
