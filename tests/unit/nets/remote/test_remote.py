from __future__ import annotations

import ast
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.feeding import Feeding
from pytest_quant.nets.ncnn.ncnn_net import NcnnRunner, NetSetup
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.options import runtime_options
from pytest_quant.nets.remote import far_side
from pytest_quant.nets.remote.connection import Connection, TargetError, TargetFacts, with_ssh_options
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.target import Target
from pytest_quant.spec.errors import ModelFileError, RunnerError
from tests.tiny import SIDE, write_net

SPEC = f"popen//python={sys.executable}"
"""A second Python that shares nothing with this one but its packages."""


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the target keeps files."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("PYTEST_QUANT_TARGET_CACHE", str(folder))
    return folder


@pytest.fixture
def target(kept: Path) -> Iterator[Target]:
    target = Target(SPEC)
    yield target
    target.close()


@pytest.fixture
def setup(tmp_path: Path) -> RemoteSetup:
    write_net(tmp_path, "net", int8=True)
    options = runtime_options("reference")
    return RemoteSetup(tmp_path / "net.param", tmp_path / "net.bin", Feeding("data", 3), ("prob",), options)


def some_input() -> NDArray[Any]:
    return np.random.default_rng(0).normal(size=(3, SIDE, SIDE)).astype(np.float32)


def test_a_net_gives_there_what_it_gives_here(target: Target, setup: RemoteSetup) -> None:
    here = NcnnRunner(NetSetup(NcnnFiles(param=setup.param, bin=setup.bin), "data", ("prob",), "reference"))
    there = RemoteRunner(setup, target)
    assert np.array_equal(here.run(some_input())["prob"], there.run(some_input())["prob"])
    assert there.forward_s > 0
    there.close()


def test_the_target_tells_what_it_is(target: Target) -> None:
    import ncnn

    facts = target.facts
    assert facts.ncnn == ncnn.__version__
    assert facts.kind.startswith(facts.machine)
    assert facts.cores >= 1


def test_files_travel_once_and_come_again_when_they_are_damaged(kept: Path, target: Target, setup: RemoteSetup) -> None:
    RemoteRunner(setup, target).close()
    files = sorted(kept.iterdir())
    assert len(files) == 2
    before = [file.stat().st_ino for file in files]
    RemoteRunner(setup, target).close()
    assert [file.stat().st_ino for file in files] == before
    damaged = max(files, key=lambda file: file.stat().st_size)
    damaged.write_bytes(b"damaged")
    runner = RemoteRunner(setup, target)
    assert np.isfinite(runner.run(some_input())["prob"]).all()
    assert damaged.read_bytes() != b"damaged"


def test_the_folder_there_is_bounded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_side, "BOUND_BYTES", 100)
    kept.mkdir()
    for age_s, name in enumerate(("new", "old", "oldest")):
        (kept / name).write_bytes(b"x" * 40)
        import os

        used = time.time() - 1000 * (age_s + 1)
        os.utime(kept / name, (used, used))
    far_side.make_room(20)
    assert sorted(path.name for path in kept.iterdir()) == ["new", "old"]


def test_a_file_in_use_is_not_removed(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_side, "BOUND_BYTES", 1)
    kept.mkdir()
    (kept / "just-now").write_bytes(b"x" * 40)
    far_side.make_room(20)
    assert (kept / "just-now").exists()


def test_a_far_side_that_dies_is_started_again(target: Target, setup: RemoteSetup) -> None:
    runner = RemoteRunner(setup, target)
    expected = runner.run(some_input())["prob"]
    _kill(target.connection())
    assert np.array_equal(runner.run(some_input())["prob"], expected)


def test_a_target_that_stays_away_is_an_error(target: Target, setup: RemoteSetup) -> None:
    runner = RemoteRunner(setup, target)
    _kill(target.connection())
    target.spec = "popen//python=/nowhere/python"
    with pytest.raises(TargetError, match="cannot be started: No such file"):
        runner.run(some_input())


def test_another_machine_after_a_broken_connection_is_an_error(
    target: Target, setup: RemoteSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = RemoteRunner(setup, target)
    other = TargetFacts("aarch64", "Linux", "board", "3.11", "2", "1", ("arm_neon",), 4, "little")
    monkeypatch.setattr(Connection, "facts", lambda _: other)
    _kill(target.connection())
    with pytest.raises(TargetError, match="its results would be mixed"):
        runner.run(some_input())


def test_a_far_side_that_hangs_is_an_error(target: Target, setup: RemoteSetup) -> None:
    from dataclasses import replace

    runner = RemoteRunner(replace(setup, sample_timeout_s=0.2), target)
    _stop(target.connection())
    with pytest.raises(TargetError, match=r"gave no answer within 0\.2 s"):
        runner.run(some_input())


def test_a_python_without_ncnn_is_told_with_what_to_do(tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys._base_executable}" -S -I "$@"\n')  # type: ignore[attr-defined]
    bare.chmod(0o755)
    target = Target(f"popen//python={bare}")
    with pytest.raises(TargetError, match=r"No module named '(ncnn|numpy)': the target needs Python, NumPy and ncnn"):
        _ = target.facts
    target.close()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("popen//python=/nowhere/python", "cannot be started: No such file or directory: /nowhere/python"),
        ("nonsense", "expected an execnet gateway specification such as"),
        ("popen//python=/bin/true", "the connection ended"),
    ],
)
def test_a_target_that_cannot_be_reached(spec: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        _ = Target(spec).facts


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    """It starts, and ends with a syntax error in what it is sent."""
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nprintf 1\nread line\nexit 1\n")
    old.chmod(0o755)
    target = Target(f"popen//python={old}")
    with pytest.raises(TargetError, match=r"before anything was said of the machine: it needs Python 3\.8 or newer"):
        _ = target.facts
    target.close()


def test_what_runs_there_is_python_3_8() -> None:
    source = Path(far_side.__file__).read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 8))
    assert "removeprefix" not in source


def test_files_that_cannot_be_loaded(target: Target, setup: RemoteSetup) -> None:
    setup.param.write_text("7767517\n1 1\nNoSuchLayer a 0 1 data\n")
    with pytest.raises(ModelFileError, match=r"cannot load the \.param"):
        RemoteRunner(setup, target)


def test_an_input_that_does_not_fit(target: Target, setup: RemoteSetup) -> None:
    runner = RemoteRunner(setup, target)
    with pytest.raises(RunnerError, match="3 channels"):
        runner.run(np.zeros((1, SIDE, SIDE), np.float32))


def test_options_of_the_user_for_ssh_stay() -> None:
    own = "ssh=-o ConnectTimeout=5 pi@board"
    assert with_ssh_options(own) == own
    assert with_ssh_options("popen") == "popen"


def _process(connection: Connection) -> int:
    channel = connection._gateway.remote_exec("import os; channel.send(os.getpid())")
    pid: int = channel.receive(10)
    return pid


def _kill(connection: Connection) -> None:
    import os
    import signal

    os.kill(_process(connection), signal.SIGKILL)


def _stop(connection: Connection) -> None:
    import os
    import signal

    pid = _process(connection)
    os.kill(pid, signal.SIGSTOP)


def _kill_stopped(connection: Connection) -> None:
    connection._gateway._io.popen.kill()


def many_inputs(count: int) -> list[NDArray[Any]]:
    return [np.random.default_rng(seed).normal(size=(3, SIDE, SIDE)).astype(np.float32) for seed in range(count)]


@pytest.mark.parametrize("shared", [True, False], ids=["shared-memory", "pipe"])
def test_inputs_that_were_announced_give_the_same(
    target: Target, setup: RemoteSetup, shared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Target, "is_of_this_machine", shared)
    here = NcnnRunner(NetSetup(NcnnFiles(param=setup.param, bin=setup.bin), "data", ("prob",), "reference"))
    there, inputs = RemoteRunner(setup, target), many_inputs(40)
    for array in inputs:
        there.ahead(array)
    unannounced = some_input()
    assert np.array_equal(there.run(unannounced)["prob"], here.run(unannounced)["prob"])
    for array in (*inputs[5:], *inputs[:5]):  # in another order than announced, too
        assert np.array_equal(there.run(array)["prob"], here.run(array)["prob"])


def test_an_announced_input_that_does_not_fit_is_told_when_its_turn_comes(target: Target, setup: RemoteSetup) -> None:
    runner = RemoteRunner(setup, target)
    wrong, right = np.zeros((1, SIDE, SIDE), np.float32), some_input()
    runner.ahead(wrong)
    runner.ahead(right)
    with pytest.raises(RunnerError, match="3 channels"):
        runner.run(wrong)
    assert np.isfinite(runner.run(right)["prob"]).all()


def test_inputs_on_their_way_are_sent_again_after_a_broken_connection(target: Target, setup: RemoteSetup) -> None:
    runner, inputs = RemoteRunner(setup, target), many_inputs(8)
    expected = [runner.run(array)["prob"] for array in inputs]
    _stop(target.connection())
    for array in inputs:
        runner.ahead(array)
    _kill_stopped(target.connection())
    for array, one in zip(inputs, expected, strict=True):
        assert np.array_equal(runner.run(array)["prob"], one)


def test_an_input_that_kills_the_far_side_is_the_one_that_is_named(
    target: Target, setup: RemoteSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(far_side.__file__).read_text(encoding="utf-8")
    deadly = source.replace(
        "    answer = []\n", "    if blobs['data'][0, 0, 0] == 7.0:\n        os._exit(1)\n    answer = []\n"
    )
    assert deadly != source
    monkeypatch.setattr("pytest_quant.nets.remote.connection._program", lambda: deadly)
    runner, inputs = RemoteRunner(setup, target), many_inputs(6)
    inputs[3][0, 0, 0] = 7.0
    for array in inputs:
        runner.ahead(array)
    for array in inputs[:3]:
        assert np.isfinite(runner.run(array)["prob"]).all()
    with pytest.raises(TargetError, match="the far side died"):
        runner.run(inputs[3])


PAGES_TAKEN = """
import resource
from pytest_quant.nets.remote import far_side
{call}
for round in range(12):
    blocks = [bytearray(1 << 20) for _ in range(20)]
    del blocks
    if round == 1:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep what is freed")
def test_what_a_pass_frees_is_not_asked_for_again() -> None:
    """Ten rounds of twenty megabytes: 51200 pages if each round gets them from the system."""
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", PAGES_TAKEN.format(call=call)], text=True))
        for call in ("far_side.keep_freed_memory()", "")
    )
    assert kept < 1000 < given_back


LARGE_PAGES = """
import re
import threading
from pathlib import Path
from pytest_quant.nets.remote import far_side
def load():
    far_side.keep_freed_memory()
    {call}
    global blocks
    blocks = [b"x" * (1 << 20) for _ in range(20)]
thread = threading.Thread(target=load)
(load if {is_main} else thread.start)()
{is_main} or thread.join()
print(re.search("AnonHugePages: *([0-9]+) kB", Path("/proc/self/smaps_rollup").read_text()).group(1))
"""


def _gives_large_pages() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return platform.libc_ver()[0] == "glibc" and setting.exists() and "[never]" not in setting.read_text()


@pytest.mark.skipif(not _gives_large_pages(), reason="this system has no large pages for those who ask")
@pytest.mark.parametrize("is_main", [True, False])
def test_a_net_lies_in_large_pages(is_main: bool) -> None:
    """In the main thread and in any other, which have heaps of their own."""
    program = LARGE_PAGES.format(call="far_side.ask_for_large_pages()", is_main=is_main)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(ran.stdout) >= 4 << 10, "of 20 MB, where memory is not all in pieces"
