"""What dead runs leave behind goes with the next run; the cache keeps its bound, and can be looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_quant.cli.main import main
from pytest_quant.evaluation.alive import Alive, make_run_folder, remove_dead_run_folders, remove_run_folder
from pytest_quant.evaluation.kept import everything, total_bytes
from tests import tiny
from tests.integration import counting
from tests.integration.runs import PLAIN, run_quant

HALF = Path("predictions", "aa", 32 * "a", f"{32 * 'b'}.shard.1-0.part")
"""A shard half written, below the cache."""

SLOW = """
import time
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner
forward = NcnnRunner.run
def slow(net, array):
    time.sleep(0.2)
    return forward(net, array)
NcnnRunner.run = slow
"""


@pytest.fixture(autouse=True)
def own_tmp(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tmp")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert run_folders(folder) == [], "a run removes its own folder"


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=120)
    tiny.write_zoo(root)
    return root


def run_folders(tmp: Path) -> list[str]:
    return [path.name for path in tmp.iterdir() if path.name.startswith("pytest-quant-")]


def write_half(cache: Path) -> Path:
    (cache / HALF).parent.mkdir(parents=True, exist_ok=True)
    (cache / HALF).write_bytes(b"half")
    return cache / HALF


def wait_for(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.05)


def is_of_group(group: int) -> Iterator[bool]:
    """For each process that lives whether it belongs to a group."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, owner = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        yield state not in "ZX" and int(owner) == group


def start(root: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", *PLAIN, "--quant", "--quant-cache", "kept", *options]
    return subprocess.Popen(
        command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def end_all(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a run, and for who would report in its place, as the end of its control group does."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    waiting = [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == "sh\n"]
    for group in (*waiting, process.pid):
        os.killpg(group, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(any(is_of_group(group)) for group in waiting))


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "n2"])
def test_the_folder_of_a_killed_run_goes_with_the_next(
    pytester: pytest.Pytester, own_tmp: Path, how: tuple[str, ...]
) -> None:
    (pytester.path / "conftest.py").write_text(SLOW)
    process = start(pytester.path, *how)
    wait_for(lambda: list(own_tmp.glob("pytest-quant-*/claims/*.lock")))
    assert remove_dead_run_folders() == []  # it lives
    end_all(process)
    wait_for(lambda: not any(is_of_group(process.pid)))  # workers end a moment later
    assert len(run_folders(own_tmp)) == 1
    (pytester.path / "conftest.py").unlink()
    cache = pytester.path / "kept"
    (cache / "built" / f"part-{32 * 'd'}-dead_123").mkdir(parents=True)
    (cache / "built" / f"part-{32 * 'd'}-dead_123" / "net.bin").write_bytes(b"half")
    write_half(cache)
    found = run_quant(pytester, "--quant-cache", "kept", *how)
    assert found.status == 0
    assert run_folders(own_tmp) == []
    assert list(cache.rglob("*part*")) == []
    assert list((cache / "alive").iterdir()) == []


def test_nothing_of_a_living_run_is_removed(pytester: pytest.Pytester, own_tmp: Path) -> None:
    (pytester.path / "conftest.py").write_text(SLOW)
    process = start(pytester.path)
    try:
        wait_for(lambda: list(own_tmp.glob("pytest-quant-*/claims/*.lock")))
        before = run_folders(own_tmp)
        (pytester.path / "conftest.py").unlink()
        part = write_half(pytester.path / "kept")
        assert run_quant(pytester, "--quant-cache", "kept").status == 0
        assert run_folders(own_tmp) == before
        assert part.exists()
    finally:
        end_all(process)
    assert len(remove_dead_run_folders()) == 1


def test_folders_of_runs(own_tmp: Path) -> None:
    one, alive_one = make_run_folder()
    two, alive_two = make_run_folder("rescue-")
    somebody = own_tmp / "pytest-quant-of-somebody"  # nobody ever held it, and it is not empty
    somebody.mkdir()
    (somebody / "data").write_text("private")
    assert remove_dead_run_folders() == []
    beginning = own_tmp / "pytest-quant-x"
    (beginning / "alive").mkdir(parents=True)  # its process was killed before it held it
    assert remove_dead_run_folders() == [beginning]
    alive_one._own.release()  # as the end of a process does
    assert remove_dead_run_folders() == [one]
    assert not one.exists()
    remove_run_folder(two, alive_two)
    assert (somebody / "data").read_text() == "private"
    (somebody / "data").unlink()
    assert remove_dead_run_folders() == [somebody]


def test_the_bound_of_the_cache(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pytester.path
    counting.write_conftest(root, monkeypatch)
    assert run_quant(pytester, "--quant-cache", "kept").status == 0
    first = {one.path for one in everything(root / "kept")}
    for age, path in enumerate(sorted(first)):
        os.utime(path, ns=(0, (age + 1) * 10**9))
    # Another model comes; the bound has room for less than both.
    tiny.write_zoo(root, {"other": tiny.model_entry(root, "other")})
    counting.make_distinct(root, ["other"])
    counting.passes(root)
    found = run_quant(pytester, "--quant-cache", "kept", "--quant-cache-size", "0.000000001")
    assert found.status == 0
    left = {one.path for one in everything(root / "kept")}
    assert left
    unused = {path for path in first if path.suffix == ".shard"}
    assert not left & unused  # of the first model nothing was used
    counting.passes(root)
    assert run_quant(pytester, "--quant-cache", "kept").status == 0
    assert counting.passes(root) == {}  # what the last run used stayed, however small the bound
    # Within the bound nothing goes.
    before = everything(root / "kept")
    assert run_quant(pytester, "--quant-cache", "kept", "--quant-cache-size", "1").status == 0
    assert {one.path for one in everything(root / "kept")} == {one.path for one in before}


def test_what_another_living_run_has_used_stays(pytester: pytest.Pytester) -> None:
    root = pytester.path
    assert run_quant(pytester, "--quant-cache", "kept").status == 0
    kept = everything(root / "kept")
    for one in kept:
        os.utime(one.path, ns=(0, 10**9))
    alive = Alive(root / "kept")
    used = kept[0].path
    os.utime(used)  # by that other run
    (root / "zoo.quant.yaml").unlink()
    (root / "test_it.py").write_text("def test_it(): pass\n")
    assert run_quant(pytester, "--quant-cache", "kept", "--quant-cache-size", "0.000000001").status == 0
    assert [one.path for one in everything(root / "kept")] == [used]
    alive.end()


FOREIGN = (
    "results/report.json",
    "results/ab/notes.json",
    "built/app/main.o",
    "built/part-assembly/plan.txt",
    "predictions/2026.csv",
    "predictions/download.part",
    "times/april.time",
    "trials/1",
    "urls/files/list.txt",
    "facts/a.part",
    "digests/all",
)


def test_what_others_keep_in_folders_of_these_names_is_left_alone(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    root = pytester.path
    for name in FOREIGN:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("mine")
        os.utime(root / name, ns=(0, 10**9))
    (root / "discordance").write_text("mine")  # a file where a folder would be
    assert main(["cache", "prune", ".", "--all"]) == 0
    assert "removed 0 things, 0.00 MB, 0 leftovers" in capsys.readouterr().out
    found = run_quant(pytester, "--quant-cache", ".", "--quant-cache-size", "0.000000001")
    assert found.status == 0
    assert main(["cache", "prune", ".", "--older", "0"]) == 0
    assert main(["cache", "prune", ".", "--all"]) == 0
    assert everything(root) == []
    assert [(root / name).read_text() for name in (*FOREIGN, "discordance")] == ["mine"] * (len(FOREIGN) + 1)


def test_a_cache_that_becomes_a_file_while_a_run_is_on(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("""
import shutil
from pathlib import Path

def pytest_runtest_teardown(item):
    if Path("kept").is_dir():
        shutil.rmtree("kept")
        Path("kept").write_text("mine")
""")
    found = run_quant(pytester, "--quant-cache", "kept")
    assert found.status == 0
    assert "Traceback" not in found.text + found.errors
    assert (pytester.path / "kept").read_text() == "mine"


def test_verdicts_of_trials_that_cannot_be_looked_at(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = pytester.path / "kept" / "trials"
    trials.mkdir(parents=True)
    look = Path.iterdir

    def refused(path: Path) -> Iterator[Path]:
        if path == trials:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert run_quant(pytester, "--quant-cache", "kept").status == 0


def test_a_folder_that_is_no_cache_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a").write_text("mine")
    assert main(["cache", "prune", str(tmp_path), "--all"]) == 0
    assert "holds nothing that a run has kept" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("value", ["0", "-2", "much", "inf"])
def test_a_bound_that_is_none(pytester: pytest.Pytester, value: str) -> None:
    found = run_quant(pytester, f"--quant-cache-size={value}")
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert f"--quant-cache-size: found '{value}', expected gigabytes, a number above 0" in found.errors


def test_the_command(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_quant(pytester, cached=True).status == 0
    capsys.readouterr()
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["kind", "count", "MB", "last", "used", "oldest"]
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    kinds = ["predictions", "built", "results", "trials", "digests", "discordance", "times", "facts", "urls"]
    assert list(rows) == [*kinds, "all"]
    assert rows["predictions"][1] == "6"
    cache = pytester.path / ".pytest_cache" / "d" / "quant"
    shards = [one for one in everything(cache) if one.kind == "predictions"]
    os.utime(shards[0].path, ns=(0, time.time_ns() - 10 * 86400 * 10**9))
    assert main(["cache", "prune", str(cache), "--older", "9"]) == 0
    assert "removed 1 things, " in capsys.readouterr().out
    assert not shards[0].path.exists()
    size = total_bytes(everything(cache))
    assert main(["cache", "prune", "--size", str(0.9 * size / 1e9)]) == 0
    assert 0 < total_bytes(everything(cache)) <= 0.9 * size
    write_half(cache)
    capsys.readouterr()
    assert main(["cache", "prune", "--all"]) == 0
    assert "1 leftovers" in capsys.readouterr().out
    assert everything(cache) == []
    for words in (["cache", "prune"], ["cache", "--all"], ["cache", "nowhere"], ["cache", "prune", "--size", "-1"]):
        assert main(words) == 2
        assert "pytest-quant: error: " in capsys.readouterr().err
