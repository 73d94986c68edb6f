"""What a dead process has left of its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.run.diary import Diary, Remembered, read_diary
from pytest_quant.run.mourning import how_ended


def test_a_diary_says_what_was_told_and_what_ran(tmp_path: Path) -> None:
    assert read_diary(tmp_path) == Remembered()
    diary = Diary(tmp_path)
    diary.begun("one")
    diary.told("one", '{"cases": []}\n')
    assert read_diary(tmp_path) == Remembered([("one", '{"cases": []}\n')], ["one"])
    diary.ended("one")
    assert read_diary(tmp_path).running == []
    diary.begun("two")
    diary.close()
    (file,) = tmp_path.iterdir()
    with file.open("a") as end:
        end.write('["told", "two", "{\\"ca')  # the process died in the middle of it
    assert read_diary(tmp_path) == Remembered([("one", '{"cases": []}\n')], ["two"])


def test_of_workers_several_tests_run_and_some_die(tmp_path: Path) -> None:
    diary = Diary(tmp_path)
    for test in ("one", "two", "three", "four"):
        diary.begun(test)
    diary.ended("two")
    diary.died("one", "worker 'gw0' crashed", runs_again=False)
    diary.died("three", "worker 'gw1' crashed", runs_again=True)
    diary.died("four", "worker 'gw2' crashed", runs_again=True)
    diary.begun("four")
    diary.close()
    deaths = {"one": ("worker 'gw0' crashed", False), "three": ("worker 'gw1' crashed", True)}
    assert read_diary(tmp_path) == Remembered(running=["four"], died=deaths)


@pytest.mark.parametrize(
    ("code", "how"),
    [
        (7 << 8, "ended with exit status 7"),
        (9, "was ended by SIGKILL"),
        (11 | 0x80, "was ended by SIGSEGV"),
        (0, "ended without a word"),
        (63, "was ended by signal 63"),
    ],
)
def test_how_a_process_ended(code: int, how: str) -> None:
    assert how_ended(f"17 (py test)) Z 1 {'0 ' * 47}{code}") == how


def test_how_is_not_known_where_nobody_could_ask() -> None:
    assert how_ended("") == "ended without a word"
