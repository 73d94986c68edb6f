"""What a run is at: events to jobs, jobs to lines of any width."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.engine import Engine
from pytest_quant.evaluation.engine.events import (
    BOTH,
    DropSoFar,
    Event,
    Failed,
    Finished,
    ShardDone,
    Started,
    from_line,
    to_line,
)
from pytest_quant.run.progress.lines import job_line
from pytest_quant.run.progress.state import Running


def shard(index: int, *, computed: bool = True, model: str = "net", samples: int = 10, lost: int = 2) -> ShardDone:
    hits = {"top1": {"fp32": 8, "int8": 8 - lost, BOTH: 8 - lost}}
    return ShardDone(model, "evaluation", index, samples, computed, 0.1, hits)


def started(model: str = "net", stage: str = "evaluation") -> Started:
    return Started(model, stage, 40, ("fp32", "int8"))


def folded(*events: tuple[Event, float]) -> Running:
    running = Running()
    for event, now_s in events:
        running.fold(event, now_s)
    return running


def test_a_line_has_everything() -> None:
    (job,) = folded((started(), 0), (shard(0), 1), (shard(1, lost=0), 2)).jobs()
    line = job_line(job, 4.0, 200, 0.95)
    assert line == "net: fp32, int8, 20 of 40, 5/s, top1 drop 10.00 points (0.10 to 18.08), 4 s left"


def test_processes_that_share_a_job_count_each_shard_once() -> None:
    running = folded(
        (started(), 0), (started(), 0), (shard(0), 1), (shard(0, computed=False), 1), (shard(1, computed=False), 2),
        (shard(1), 2), (Finished("net", "evaluation", 10, 10, 2.0), 3),
    )  # fmt: skip
    (job,) = running.jobs()
    assert (job.done, job.computed, job.hits["top1"]["fp32"]) == (20, 20, 16)
    running.fold(Failed("net", "evaluation", "interrupted"), 4)
    assert running.jobs() == []


def test_what_was_kept_is_no_speed() -> None:
    (job,) = folded((started(), 0), (shard(0, computed=False), 0.1), (shard(1), 2.0)).jobs()
    assert (job.done, job.rate(2.0), job.left_s(2.0)) == (20, 5.0, 4.0)


def test_a_model_has_one_line_with_what_it_turned_to_last() -> None:
    running = folded((started(), 0), (started(stage="rescue, trial, evaluation"), 1), (started("other"), 2))
    lines = [job_line(job, 3.0, 80, 0.95) for job in running.jobs()]
    assert lines == ["net: rescue, trial, evaluation, 0 of 40", "other: fp32, int8, 0 of 40"]


def test_the_whole_dataset_has_no_bounds_left() -> None:
    (job,) = folded((started(), 0), *((shard(index), 1) for index in range(4))).jobs()
    assert "drop 20.00 points (20.00 to 20.00)" in job_line(job, 2.0, 200, 0.95)


def scored(index: int, samples: int, drop: float, error: float | None = 0.01) -> ShardDone:
    found = DropSoFar("AP", "fraction", 1.0, samples, drop, error)
    return ShardDone("net", "evaluation", index, 10, True, 0.1, drop=found)


def test_a_metric_that_is_scored_now_and_then_has_its_drop() -> None:
    (job,) = folded((started(), 0), (scored(0, 10, 0.02), 1)).jobs()
    line = job_line(job, 2.0, 200, 0.95)
    assert line == "net: fp32, int8, 10 of 40, 5/s, AP drop 0.0200 (0.0056 to 0.0344), 6 s left"
    (job,) = folded((started(), 0), (scored(0, 10, 0.02, None), 1), (shard(1), 1)).jobs()
    assert "AP drop 0.0200 on 10, " in job_line(job, 2.0, 200, 0.95)
    (job,) = folded((started(), 0), *((scored(index, 40, -1e-9), 1) for index in range(4))).jobs()
    assert "AP drop 0.0000 (0.0000 to 0.0000)" in job_line(job, 2.0, 200, 0.95)


def test_of_several_processes_the_one_that_knows_most_is_shown() -> None:
    (job,) = folded((started(), 0), (started(), 0), (scored(1, 20, 0.5), 1), (scored(0, 10, 0.1), 2)).jobs()
    assert job.drop is not None
    assert (job.drop.samples, job.drop.drop) == (20, 0.5)


def test_narrow_terminals_lose_the_least_important_first() -> None:
    (job,) = folded((started("mobilenetv2-unnormalized"), 0), (shard(0, model="mobilenetv2-unnormalized"), 1)).jobs()
    found = {width: job_line(job, 2.0, width, 0.95) for width in (200, 80, 60, 40, 20)}
    assert "drop 20.00 points" in found[80]
    assert "(" not in found[80]
    assert found[60].endswith("6 s left")
    assert "10 of 40" in found[40]
    assert found[20] == "mobilen...: 10 of 40"


@given(st.integers(1, 120), st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=60))
def test_a_line_is_never_wider_than_the_terminal(width: int, name: str) -> None:
    (job,) = folded((started(name), 0), (shard(0, model=name), 1)).jobs()
    assert len(job_line(job, 2.0, width, 0.95)) <= width


def test_other_work_says_what_it_is() -> None:
    running = folded((Started("net", "layers", 8), 0), (Started("made", "calibration, absmax", 500), 0))
    lines = [job_line(job, 1.0, 80, 0.95) for job in running.jobs()]
    assert lines == ["net: diagnosis of the layers, 0 of 8", "made: calibration, absmax, 0 of 500"]


def test_parts_of_something_are_named_after_it(tmp_path: Path) -> None:
    """The trials of a rescue, and of the usual mistakes, are evaluations like any other."""
    heard: list[Event] = []
    engine = Engine(CorePool(tmp_path, 1), heard.append).during("usual mistakes")
    assert engine.listener is not None
    engine.listener(started())
    assert [job_line(job, 1.0, 80, 0.95) for job in folded((heard[0], 0)).jobs()] == [
        "net: usual mistakes, evaluation, 0 of 40"
    ]
    silent = Engine(CorePool(tmp_path, 1))
    assert silent.during("rescue") is silent


def test_nets_travel_with_the_event() -> None:
    for event in (started(), shard(0), scored(0, 10, 0.02)):
        assert from_line(to_line(event)) == event


def test_names_are_shown_never_obeyed() -> None:
    (job,) = folded((started("n\x1b[31m\u202e\n"), 0)).jobs()
    line = job_line(job, 1.0, 200, 0.95)
    assert line.startswith("n\\x1b[31m\\u202e\\n: fp32, int8")
    assert line.isprintable()
