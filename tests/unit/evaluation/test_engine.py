from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.evaluation.cores import CorePool
from pytest_quant.evaluation.engine.core_threads import CoreThreads
from pytest_quant.evaluation.engine.engine import Engine, private_engine
from pytest_quant.evaluation.engine.events import (
    Event,
    EventFile,
    EventReader,
    Failed,
    Finished,
    ShardDone,
    Started,
    from_line,
    to_line,
)
from pytest_quant.evaluation.engine.work import Collected, Job, Note
from pytest_quant.spec.errors import RunnerError, StorageError
from tests.unit.evaluation.fakes import Bench

WAIT_S = 30


@dataclass(frozen=True)
class Number:
    index: int
    sample_count: int = 2


@dataclass
class Squares:
    """Squares the index of a shard; ``hook`` is called before."""

    hook: Callable[[Number, Note], None] = lambda shard, note: None
    opened: list[int] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def open(self) -> Squares:
        self.opened.append(1)
        return self

    def run(self, shard: Number, note: Note) -> int:
        self.hook(shard, note)
        return shard.index**2

    def close(self) -> None:
        self.closed.append(1)


def job(
    work: Squares, count: int, enough: Callable[[Number], bool] | None = None
) -> tuple[Job[Number, int], Collected[Number, int]]:
    results: Collected[Number, int] = Collected()
    return Job("net", "squares", work, map(Number, range(count)), results, samples=2 * count, enough=enough), results


@pytest.fixture(params=[1, 3])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with private_engine(request.param) as engine:
        yield engine


def test_results_come_in_the_order_of_the_shards(engine: Engine) -> None:
    work = Squares(lambda shard, note: time.sleep(0.002 * (shard.index % 3)))
    todo, results = job(work, 20)
    assert engine.run(todo) is False
    assert results.in_order == [index**2 for index in range(20)]
    assert len(work.opened) == len(work.closed) <= engine.cores.count


def test_nothing_to_do(engine: Engine) -> None:
    todo, results = job(Squares(), 0)
    assert engine.run(todo) is False
    assert results.in_order == []


def test_enough_is_told_of_shards_in_order_and_ends_the_job(engine: Engine) -> None:
    told: list[int] = []

    def enough(shard: Number) -> bool:
        told.append(shard.index)
        return shard.index == 7

    work = Squares(lambda shard, note: time.sleep(0.002 * (shard.index % 3)))
    todo, results = job(work, 1000, enough)
    assert engine.run(todo) is True
    assert told == list(range(8))
    assert results.in_order[:8] == [index**2 for index in range(8)]
    assert len(results.in_order) <= 8 + 3 * (engine.cores.count + 1)


def test_an_error_that_comes_after_what_was_enough_is_nobody_s(tmp_path: Path) -> None:
    """Its shard was begun before anybody knew that it would not be needed."""
    begun, enough = threading.Event(), threading.Event()

    def fail(shard: Number, note: Note) -> None:
        if shard.index == 2:
            begun.set()
            assert enough.wait(WAIT_S)
            raise RunnerError("behind")
        if shard.index == 1:
            assert begun.wait(WAIT_S)

    def ends(shard: Number) -> bool:
        if shard.index == 1:
            enough.set()
        return shard.index == 1

    engine = Engine(CorePool(tmp_path, 2))
    assert engine.run(job(Squares(fail), 10, ends)[0]) is True


def test_an_error_behind_what_was_enough_is_nobody_s(engine: Engine) -> None:
    failed = threading.Event()

    def fail(shard: Number, note: Note) -> None:
        if shard.index == 2:
            failed.set()
            raise RunnerError("behind")
        if shard.index == 1 and engine.cores.count > 1:
            assert failed.wait(WAIT_S)
            time.sleep(0.05)

    assert engine.run(job(Squares(fail), 10, lambda shard: shard.index == 1)[0]) is True


def test_events_tell_what_is_done(engine: Engine) -> None:
    events: list[Event] = []
    listening = Engine(engine.cores, events.append)
    listening.run(job(Squares(), 5)[0])
    assert events[0] == Started("net", "squares", 10)
    done = [event for event in events if isinstance(event, ShardDone)]
    assert sorted(event.shard for event in done) == list(range(5))
    assert {(event.samples, event.computed) for event in done} == {(2, True)}
    assert all(event.elapsed_s > 0 for event in done)
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.computed, last.cached, last.stopped_early) == (10, 0, False)


def test_events_of_a_failure(engine: Engine) -> None:
    def fail(shard: Number, note: Note) -> None:
        raise RunnerError("no such blob")

    events: list[Event] = []
    with pytest.raises(RunnerError):
        Engine(engine.cores, events.append).run(job(Squares(fail), 5)[0])
    assert events[-1] == Failed("net", "squares", "no such blob")


def test_events_of_an_evaluation_count_what_was_there_already(tmp_path: Path) -> None:
    Bench(tmp_path, shards=4, shard_size=3).evaluate()
    events: list[Event] = []
    bench = Bench(tmp_path, shards=4, shard_size=3, listener=events.append)
    bench.store.drop(bench.key("int8", 2))
    bench.evaluate()
    computed = Counter[bool]()
    for event in events:
        if isinstance(event, ShardDone):
            computed[event.computed] += event.samples
    assert computed == {True: 3, False: 9}
    assert isinstance(events[-1], Finished)
    assert (events[-1].computed, events[-1].cached) == (3, 9)


def test_a_sample_that_takes_too_long_is_an_error_with_its_stack_and_others_get_the_core(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(shard: Number, note: Note) -> None:
        note(f"sample {shard.index}, int8")
        if shard.index == 3:
            release.wait(WAIT_S)

    engine = Engine(CorePool(tmp_path, 1), limit_s=0.1)
    try:
        with pytest.raises(RunnerError, match=r"^sample 3, int8: is not done after 0\.1 s.*\n(.*\n)*.*release\.wait"):
            engine.run(job(Squares(hang), 10)[0])
        todo, results = job(Squares(), 3)
        engine.run(todo)  # on the only core
        assert results.in_order == [0, 1, 4]
    finally:
        release.set()


def test_a_thread_that_is_given_up_does_nothing_more(tmp_path: Path) -> None:
    release, later = threading.Event(), []

    def hang(shard: Number, note: Note) -> None:
        note("sample 1")
        release.wait(WAIT_S)
        note("sample 2")
        later.append(shard.index)

    before = set(threading.enumerate())
    try:
        with pytest.raises(RunnerError, match="sample 1: is not done"):
            Engine(CorePool(tmp_path, 1), limit_s=0.1).run(job(Squares(hang), 1)[0])
    finally:
        release.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
    assert later == []


def test_the_limit_counts_anew_for_every_sample(tmp_path: Path) -> None:
    def slow(shard: Number, note: Note) -> None:
        for sample in range(8):
            note(f"sample {sample}")
            time.sleep(0.04)

    Engine(CorePool(tmp_path, 1), limit_s=0.2).run(job(Squares(slow), 2)[0])


def test_an_executor_is_given_no_more_than_its_width(tmp_path: Path) -> None:
    lock, active, most = threading.Lock(), 0, 0

    def count(shard: Number, note: Note) -> None:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        time.sleep(0.002)
        with lock:
            active -= 1

    with ThreadPoolExecutor(8) as pool:
        todo, results = job(Squares(count), 30)
        Engine(CorePool(tmp_path, 2), executor=pool, executor_width=3).run(todo)
    assert results.in_order == [index**2 for index in range(30)]
    assert 1 < most <= 3


def test_threads_are_an_executor(tmp_path: Path) -> None:
    with CoreThreads(CorePool(tmp_path, 2)) as threads:
        assert list(threads.map(abs, [-1, 2, -3])) == [1, 2, 3]
        assert isinstance(threads.submit(int, "x").exception(), ValueError)
    before = threading.active_count()
    assert before < 20


def test_a_core_that_cannot_be_taken_is_an_error_and_no_hang(tmp_path: Path) -> None:
    cores = CorePool(tmp_path / "cores", 2)
    (tmp_path / "cores").rmdir()  # somebody has removed the folder of the run
    with CoreThreads(cores) as threads:
        calls = [threads.submit(abs, -1) for _ in range(5)]
        for call in calls:
            error = call.exception(timeout=30)
            assert isinstance(error, StorageError)
            assert "a core of the run cannot be taken: " in str(error)
            assert str(error).endswith(": No such file or directory")


def no_more_threads(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """As the system has it where a user may have no more of them."""
    start, started = threading.Thread.start, []

    def refusing(thread: threading.Thread) -> None:
        if thread.name == "pytest-quant-core":
            started.append(thread)
            if len(started) > after:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refusing)


def test_threads_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        no_more_threads(patched, after=1)
        with CoreThreads(CorePool(tmp_path, 4)) as threads:
            assert list(threads.map(abs, range(-20, 0))) == list(range(20, 0, -1))
    no_more_threads(monkeypatch, after=0)
    refused = pytest.raises(StorageError, match=r"no thread of the run can be started: can't start new thread")
    with CoreThreads(CorePool(tmp_path, 4)) as threads, refused:
        threads.submit(abs, -1)


texts = st.text(max_size=20)
counts = st.integers(0, 10**9)
events = st.one_of(
    st.builds(Started, texts, texts, st.none() | counts),
    st.builds(
        ShardDone,
        model=texts,
        stage=texts,
        shard=counts,
        samples=counts,
        computed=st.booleans(),
        elapsed_s=st.floats(0, 1e6),
        hits=st.dictionaries(texts, st.dictionaries(texts, counts, max_size=2), max_size=2),
    ),
    st.builds(Finished, texts, texts, counts, counts, st.floats(0, 1e6), st.booleans()),
    st.builds(Failed, texts, texts, texts),
)


@given(events)
def test_an_event_survives_its_line(event: Event) -> None:
    line = to_line(event)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert from_line(line) == event


def test_another_process_reads_events_as_they_come(tmp_path: Path) -> None:
    write, reader = EventFile(tmp_path / "progress"), EventReader(tmp_path / "progress")
    assert list(reader.new()) == []
    write(Started("net", "evaluation", 4))
    write(ShardDone("net", "evaluation", 0, 4, computed=True, elapsed_s=0.5))
    assert [type(event) for event in reader.new()] == [Started, ShardDone]
    assert list(reader.new()) == []
    (path,) = (tmp_path / "progress").iterdir()
    line = to_line(Finished("net", "evaluation", 4, 0, 0.5)).encode()
    with path.open("ab") as file:
        file.write(b"damaged\n" + line[:10])
    assert list(reader.new()) == []
    with path.open("ab") as file:
        file.write(line[10:])
    assert list(reader.new()) == [Finished("net", "evaluation", 4, 0, 0.5)]
