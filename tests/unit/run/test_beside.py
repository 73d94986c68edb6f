"""What is noted of what workers compute beforehand, and who may do so."""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from pytest_quant.run.beside import FOLDER, Beside, is_to_run_alone, let_run_alone, note_death


def test_a_note_names_the_model_as_long_as_samples_are_in_work(tmp_path: Path) -> None:
    worker = Beside(tmp_path, "gw0")
    assert note_death(tmp_path, "gw0") is None, "a worker that computes nothing beforehand"
    ends = [worker.begin("one/of many"), worker.begin("one/of many")]
    for end in ends:
        assert end is not None
        assert (tmp_path / FOLDER / "gw0.model").read_text() == "one/of many"
        end()
    assert note_death(tmp_path, "gw0") is None


def test_what_a_worker_died_of_is_left_alone_by_all(tmp_path: Path) -> None:
    assert Beside(tmp_path, "gw0").begin("deadly") is not None
    assert note_death(tmp_path, "gw0") == "deadly"
    assert note_death(tmp_path, "gw0") == "deadly", "whoever asks"
    other = Beside(tmp_path, "gw1")
    with pytest.raises(CancelledError):
        other.begin("deadly")
    assert other.begin("sound") is not None


def test_what_cannot_be_noted_is_not_computed_beforehand(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with pytest.raises(CancelledError):
        Beside(tmp_path, "gw0").begin("sound")


def test_a_test_that_is_alone_waits_for_what_was_begun(tmp_path: Path) -> None:
    worker = Beside(tmp_path, "gw0")
    end = worker.begin("sound")
    assert end is not None
    ended: list[float] = []
    timer = threading.Timer(0.05, lambda: (ended.append(time.monotonic()), end()))  # type: ignore[func-returns-value]
    timer.start()
    with worker.alone():
        assert ended, "it was in work before"
        assert worker.begin("sound") is None
    timer.join()
    assert worker.begin("sound") is not None


def test_who_is_to_be_alone(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    let_run_alone(tmp_path, "zoo.quant.yaml::sound::sanity")
    assert is_to_run_alone(tmp_path, "zoo.quant.yaml::sound::sanity")
    assert not is_to_run_alone(tmp_path, "zoo.quant.yaml::sound::top1")
