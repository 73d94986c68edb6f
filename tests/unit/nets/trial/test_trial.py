from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.nets.trial.process import Child, Trials
from pytest_quant.nets.trial.trial import Verdict, try_net
from pytest_quant.spec.errors import ModelFileError, RunnerError
from pytest_quant.spec.net import ModelNet
from tests import tiny
from tests.unit.nets.trial.deadly import INPUT, DeadlyFormat, net

SHAPE = (3, 8, 8)


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    """A child of these tests' own: that of the process is asked by threads of a run as well."""
    trials = Trials()
    yield trials
    trials.close()


def pids(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder / "net.log").read_text().splitlines()]


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT", "SIGFPE", "SIGBUS", "SIGILL"])
def test_a_death_is_told_with_its_signal_and_the_last_words(trials: Trials, tmp_path: Path, signal: str) -> None:
    found = try_net(DeadlyFormat(), net(tmp_path, f"die {signal}"), SHAPE, trials=trials)
    assert found is not None
    assert (found.how, found.by) == ("died", signal)
    assert "deadly: die" in found.said


def test_a_child_that_cannot_be_started_says_nothing_of_the_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refused)
    own = Trials()
    own.start([])  # beforehand: not told yet
    with pytest.raises(RunnerError, match=r"cannot be started: Too many open files\. This says nothing of the files"):
        try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=own)


def test_a_watch_that_cannot_be_started_says_nothing_of_the_net(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    own = Trials()
    try:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Timer, "start", refused)
            with pytest.raises(RunnerError, match=r"can't start new thread"):
                try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=own)
        found = try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=own)
        assert found is not None
        assert found.how == "lives"
    finally:
        own.close()


def test_an_exit_is_a_death(trials: Trials, tmp_path: Path) -> None:
    found = try_net(DeadlyFormat(), net(tmp_path, "exit 3"), SHAPE, trials=trials)
    assert found is not None
    assert (found.how, found.by) == ("died", "exit code 3")


def test_one_child_serves_many_nets_and_is_started_again_after_a_death(trials: Trials, tmp_path: Path) -> None:
    for word in ("live", "fail", "live", "die SIGSEGV", "live", "live"):
        found = try_net(DeadlyFormat(), net(tmp_path, word), SHAPE, trials=trials)
        assert found is not None
        assert found.how == ("died" if word.startswith("die") else "lives")
    seen = pids(tmp_path)
    assert str(os.getpid()) not in seen
    assert len(set(seen[:4])) == 1
    assert len(set(seen[5:])) == 1, "what died after others was tried once more, alone"
    assert len({seen[0], seen[4], seen[5]}) == 3


def test_a_child_that_was_started_beforehand_is_the_one_that_is_asked(trials: Trials, tmp_path: Path) -> None:
    trials.close()
    trials.start(("pytest_quant.nets.ncnn.opening", "nothing_of_that_name"))
    child = trials._child
    assert child is not None
    trials.start(())
    assert trials._child is child
    found = try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=trials)
    assert found is not None
    assert found.how == "lives"
    assert pids(tmp_path) == [str(child._process.pid)]


def test_a_child_that_was_never_asked_is_not_waited_for(trials: Trials) -> None:
    trials.close()
    trials.start(())
    child = trials._child
    trials.close()
    assert child is not None
    assert child._process.returncode not in (None, 0)


def test_a_death_that_a_net_before_it_has_prepared_is_not_put_down_to_it(trials: Trials, tmp_path: Path) -> None:
    trials.close()
    for word in ("poison", "live"):
        found = try_net(DeadlyFormat(), net(tmp_path, word), SHAPE, trials=trials)
        assert found is not None
        assert found.how == "lives"
    assert len(pids(tmp_path)) == 3


def test_what_lives_is_left_to_the_asking_process(trials: Trials, tmp_path: Path) -> None:
    """A refusal and an input that does not fit are met again here, and told in full."""
    refused = try_net(DeadlyFormat(), net(tmp_path, "refuse"), SHAPE, trials=trials)
    assert refused == Verdict("lives", said="deadly: no such layer")
    with pytest.raises(ModelFileError):
        DeadlyFormat().open(net(tmp_path, "refuse"))


def test_a_net_without_a_shape_is_loaded_only(trials: Trials, tmp_path: Path) -> None:
    found = try_net(DeadlyFormat(), net(tmp_path, "die SIGSEGV"), None, trials=trials)
    assert found == Verdict("lives")
    assert not (tmp_path / "net.log").exists()


def test_a_net_that_never_ends_is_given_up(trials: Trials, tmp_path: Path) -> None:
    assert try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=trials) is not None  # the child is there
    found = try_net(DeadlyFormat(), net(tmp_path, "hang"), SHAPE, limit_s=0.5, trials=trials)
    assert found is not None
    assert (found.how, found.by, found.said.split(" / ")[0]) == ("hung", "0.5 s", "deadly: hang")


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_child_that_is_ended_from_outside_is_not_blamed_on_the_files(
    trials: Trials, tmp_path: Path, signal: str
) -> None:
    trials.close()  # a child that has tried other nets gets one more chance
    with pytest.raises(RunnerError, match=rf"was ended from outside by {signal}, twice in a row: .* says nothing of"):
        try_net(DeadlyFormat(), net(tmp_path, f"die {signal}"), SHAPE, trials=trials)
    assert len(set(pids(tmp_path))) == 2


def test_the_child_ends_behind_the_question_that_it_is_asked(trials: Trials, tmp_path: Path) -> None:
    with trials._lock:  # as somebody who asks
        ends = threading.Thread(target=trials.close)
        ends.start()
        ends.join(0.05)
        assert ends.is_alive()
    ends.join()


def test_too_little_memory_is_not_blamed_on_the_files(trials: Trials, tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="not enough memory to load the net and run it once, twice in a row"):
        try_net(DeadlyFormat(), net(tmp_path, "memory"), SHAPE, trials=trials)


def test_a_format_that_the_child_cannot_import_is_not_tried(
    trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Local(DeadlyFormat):
        pass

    assert try_net(Local(), net(tmp_path, "die SIGSEGV"), SHAPE, trials=trials) is None  # it does not even pickle
    here = type(sys)("only_here")
    monkeypatch.setitem(sys.modules, "only_here", here)
    Local.__module__, Local.__qualname__ = "only_here", "Local"
    vars(here)["Local"] = Local
    assert try_net(Local(), net(tmp_path, "die SIGSEGV"), SHAPE, trials=trials) is None


def test_an_interrupt_ends_the_child(trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else its late answer would be taken for that to the next question."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    assert try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=trials) is not None
    with monkeypatch.context() as patch:
        patch.setattr(Child, "_exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            try_net(DeadlyFormat(), net(tmp_path, "live"), SHAPE, trials=trials)
    found = try_net(DeadlyFormat(), net(tmp_path, "die SIGSEGV"), SHAPE, trials=trials)
    assert found is not None
    assert found.how == "died"


def ncnn_net(folder: Path, *, cut: int = 0) -> ModelNet:
    names = tiny.write_net(folder, "net", int8=True)
    files = NcnnFiles(param=folder / names["param"], bin=folder / names["bin"])
    files.bin.write_bytes(files.bin.read_bytes()[: files.bin.stat().st_size - cut])
    return ModelNet("fp32", NCNN, files, INPUT, ("prob",))


class Unwalked(NcnnFormat):
    """ncnn without the walk of the files, which is there to refuse what ncnn dies of."""

    def open(self, net: ModelNet) -> Loader:  # type: ignore[override]
        return Loader(net)


class Loader:
    def __init__(self, net: ModelNet) -> None:
        import ncnn

        self._net = ncnn.Net()
        self._net.load_param(str(net.entry.param))
        self._net.load_model(str(net.entry.bin))

    def run(self, array: NDArray[Any]) -> None:
        """Loading is enough."""

    def close(self) -> None:
        self._net.clear()


def test_what_ncnn_dies_of_is_a_verdict(trials: Trials, tmp_path: Path) -> None:
    sound = ncnn_net(tmp_path)
    assert inspect_net(sound.entry.param, sound.entry.bin).is_quantized
    assert try_net(Unwalked(), sound, SHAPE, trials=trials) == Verdict("lives")
    cut = ncnn_net(tmp_path, cut=8)  # of the scales at the end, which ncnn reads unchecked
    found = try_net(Unwalked(), cut, SHAPE, trials=trials)
    assert found is not None
    assert found.how == "died"
    assert found.by in ("SIGSEGV", "SIGABRT")


def test_an_input_that_is_given_is_tried(trials: Trials, tmp_path: Path) -> None:
    one = net(tmp_path, "given")
    for value, how in ((1, "lives"), (1000, "died")):
        found = try_net(DeadlyFormat(), one, None, given=np.full(SHAPE, value, np.float32), trials=trials)
        assert found is not None
        assert found.how == how
