from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pytest_quant.evaluation.begun import Begun
from pytest_quant.evaluation.engine.core_threads import CoreThreads
from pytest_quant.evaluation.evaluate import SideResult
from pytest_quant.evaluation.store import PredictionStore, ShardKey, StoredShard
from pytest_quant.spec.errors import DatasetError, RunnerError
from pytest_quant.spec.net import SIDES, Net
from tests.unit.evaluation.fakes import Bench, nothing
from tests.unit.evaluation.processes import HOLD_CLAIM, child, claimed, said

WAIT_S = 30


def test_both_sides_come_in_the_order_of_the_samples_from_one_pass_each(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=5, shard_size=3, cores=3)
    results = bench.evaluate()
    for side in SIDES:
        assert results[side].predictions == bench.expected(side)
        assert not results[side].cached
        assert results[side].forward_s > 0
    assert set(bench.runs.values()) == {1}
    assert len(bench.runs) == 2 * 15


def test_what_was_evaluated_is_not_computed_again(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    before = first.evaluate()
    again = Bench(tmp_path)
    results = again.evaluate()
    assert not again.runs
    assert not again.opened
    for side in SIDES:
        assert results[side].cached
        assert results[side].predictions == before[side].predictions
        assert results[side].forward_s == before[side].forward_s


def test_only_the_missing_side_of_the_missing_shard_is_computed(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.evaluate()
    first.store.drop(first.key("int8", 2))
    again = Bench(tmp_path)
    results = again.evaluate()
    assert dict(again.runs) == {("int8", number): 1 for number in (6, 7, 8)}
    assert {side for side, _ in again.opened} == {"int8"}
    assert results["fp32"].cached
    assert not results["int8"].cached
    assert results["int8"].predictions == again.expected("int8")


def test_one_model_alone_uses_all_cores(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=WAIT_S)

    def meet(side: Net, number: int) -> None:
        if side == "fp32" and number % 3 == 0:  # the first sample of each shard
            together.wait()  # breaks unless four threads are in a forward pass at once

    bench = Bench(tmp_path, shards=4, shard_size=3, cores=4, hook=meet)
    assert bench.evaluate()["int8"].predictions == bench.expected("int8")
    assert together.broken is False


def test_threads_never_exceed_the_cores_and_no_more_nets_are_loaded(tmp_path: Path) -> None:
    lock, active, most = threading.Lock(), 0, 0

    def count(side: Net, number: int) -> None:
        nonlocal active, most
        with lock:
            active += 1
            most = max(most, active)
        time.sleep(0.001)
        with lock:
            active -= 1

    bench = Bench(tmp_path, shards=12, shard_size=2, cores=3, hook=count)
    bench.evaluate()
    assert 1 <= most <= 3
    assert len(bench.opened) <= 2 * 3
    assert sorted(bench.closed) == sorted(side for side, _ in bench.opened)


def test_opencv_runs_single_threaded_meanwhile_and_as_before_afterwards(tmp_path: Path) -> None:
    during = set()

    def look(side: Net, number: int) -> None:
        during.add(cv2.getNumThreads())

    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        bench = Bench(tmp_path, hook=look)
        bench.evaluate()
        assert during == {1}
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


@pytest.mark.parametrize("late_is_first", [True, False])
def test_the_error_of_the_first_failing_shard_is_raised_whoever_comes_upon_it(
    tmp_path: Path, late_is_first: bool
) -> None:
    other_failed = threading.Event()

    def fail(side: Net, number: int) -> None:
        shard = number // 3
        if shard == (1 if late_is_first else 3):
            assert other_failed.wait(WAIT_S)
            time.sleep(0.02)
            raise RunnerError(f"bad shard {shard}")
        if shard == (3 if late_is_first else 1):
            other_failed.set()
            raise RunnerError(f"bad shard {shard}")

    bench = Bench(tmp_path, shards=4, shard_size=3, cores=4, hook=fail)
    with pytest.raises(RunnerError, match="sample n3: bad shard 1"):
        bench.evaluate()


def test_after_an_error_later_shards_are_given_up_and_earlier_ones_kept(tmp_path: Path) -> None:
    def fail(side: Net, number: int) -> None:
        if number == 3:
            raise RunnerError("no")

    bench = Bench(tmp_path, shards=6, shard_size=3, cores=1, hook=fail)
    with pytest.raises(RunnerError, match="sample n3: no"):
        bench.evaluate()
    assert max(number for _, number in bench.runs) == 3
    assert bench.store.has(bench.key("fp32", 0))
    assert not bench.store.has(bench.key("fp32", 1))
    assert sorted(bench.closed) == ["fp32", "int8"]


def test_an_error_that_names_its_sample_is_not_given_the_name_twice(tmp_path: Path) -> None:
    def fail(side: Net, number: int) -> None:
        raise DatasetError("sample 'n0' (a.png) does not decode")

    bench = Bench(tmp_path, shards=1, shard_size=1, hook=fail)
    with pytest.raises(DatasetError) as caught:
        bench.evaluate()
    assert str(caught.value) == "sample 'n0' (a.png) does not decode"


def test_a_bug_in_a_thread_reaches_the_caller_as_it_is(tmp_path: Path) -> None:
    def fail(side: Net, number: int) -> None:
        raise ZeroDivisionError("a bug")

    bench = Bench(tmp_path, hook=fail)
    with pytest.raises(ZeroDivisionError, match=r"^a bug$"):
        bench.evaluate()


def test_a_claim_that_cannot_be_made_is_an_error_and_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)

    def refuse(keys: object) -> object:
        raise PermissionError(13, "no lock here")

    monkeypatch.setattr(bench.store, "try_claim", refuse)
    with pytest.raises(PermissionError, match="no lock here"):
        bench.evaluate()


def test_a_damaged_shard_is_computed_again_and_only_that(tmp_path: Path) -> None:
    first = Bench(tmp_path)
    first.evaluate()
    kept = sorted((tmp_path / "store").rglob("*.shard"))
    assert len(kept) == 2 * 4
    for path in kept:
        if path.stem.startswith("samples-1"):
            path.write_bytes(path.read_bytes()[:-20])
    again = Bench(tmp_path)
    results = again.evaluate()
    assert set(again.runs) == {(side, number) for side in SIDES for number in (3, 4, 5)}
    for side in SIDES:
        assert results[side].predictions == again.expected(side)
        assert not results[side].cached


def test_a_shard_that_another_process_has_claimed_is_waited_for_while_the_others_are_computed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=4, shard_size=3)
    key = bench.key("fp32", 1)
    done: list[object] = []
    with child(HOLD_CLAIM, tmp_path / "store", tmp_path / "locks", key.side, key.samples) as holder:
        assert said(holder) == "claimed"
        thread = threading.Thread(target=lambda: done.append(bench.evaluate()))
        thread.start()
        _wait_for(lambda: all(bench.store.has(bench.key("int8", index)) for index in (0, 2, 3)))
        assert not {number for _, number in bench.runs} & {3, 4, 5}
        assert not done
        holder.kill()  # its claim ends with it
        thread.join(WAIT_S)
    assert done
    assert set(bench.runs.values()) == {1}
    assert bench.runs["fp32", 3] == 1


def test_what_another_process_computes_meanwhile_is_used(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=2, shard_size=1)
    with claimed(bench.store, [bench.key(side, 1) for side in SIDES]):
        done: list[dict[Net, SideResult]] = []
        thread = threading.Thread(target=lambda: done.append(bench.evaluate()))
        thread.start()
        _wait_for(lambda: bench.store.has(bench.key("int8", 0)))
        for side in SIDES:
            bench.store.save(bench.key(side, 1), StoredShard({"values": np.array(bench.expected(side)[1:])}, 0.0))
    thread.join(WAIT_S)
    assert done[0]["int8"].predictions == bench.expected("int8")
    assert ("fp32", 1) not in bench.runs


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, even where these tests run in the background of a shell, which lets it be ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_threads_and_keeps_whole_shards_only(tmp_path: Path) -> None:
    def interrupt(side: Net, number: int) -> None:
        if (side, number) == ("int8", 4):
            _interrupt_main_thread()
            time.sleep(0.05)

    before, threads = cv2.getNumThreads(), threading.active_count()
    bench = Bench(tmp_path, shards=50, shard_size=3, cores=2, hook=interrupt)
    with pytest.raises(KeyboardInterrupt):
        bench.evaluate()
    assert sorted(bench.closed) == sorted(side for side, _ in bench.opened)  # every thread has ended
    _wait_for(lambda: threading.active_count() <= threads)  # those of an earlier test may have been ending
    assert cv2.getNumThreads() == before
    bench.hook = nothing
    results = bench.evaluate()
    assert results["int8"].predictions == bench.expected("int8")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_does_not_wait_for_a_claim_of_another_process(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=2, shard_size=1, cores=1)
    with claimed(bench.store, [bench.key("fp32", 0)]):
        timer = threading.Timer(0.1, _interrupt_main_thread)

        def evaluate_and_be_interrupted() -> None:
            timer.start()
            bench.evaluate()  # ends by the interrupt alone

        with pytest.raises(KeyboardInterrupt):
            evaluate_and_be_interrupted()
    assert ("fp32", 0) not in bench.runs


def _interrupt_main_thread() -> None:
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGINT)


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.005)


def test_shards_are_told_apart_by_side_and_by_samples(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=2, shard_size=1)
    bench.evaluate()
    assert not bench.store.has(ShardKey("another-net", "samples-0"))
    assert not bench.store.has(ShardKey("fp32-of-the-net", "samples-2"))


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (PredictionStore, "given_up"),
        (PredictionStore, "begin"),
        (PredictionStore, "load"),
        (PredictionStore, "save"),
        (CoreThreads, "submit"),
        (Begun, "end"),
    ],
)
@pytest.mark.parametrize("strikes_behind", [False, True])
def test_an_interrupt_at_any_place_leaves_no_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: type, what: str, strikes_behind: bool
) -> None:
    bench = Bench(tmp_path, shards=6, shard_size=2, cores=2)
    real, calls = getattr(where, what), itertools.count(3)  # some come once for each of the shards

    def interrupted(*args: object, **options: object) -> object:
        number = next(calls)
        if number == 7 and not strikes_behind:
            raise KeyboardInterrupt
        found = real(*args, **options)
        if number == 7 and strikes_behind:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(where, what, interrupted)
    with pytest.raises(KeyboardInterrupt):
        bench.evaluate()
    monkeypatch.undo()
    found: list[dict[Net, SideResult]] = []
    again = threading.Thread(target=lambda: found.append(bench.evaluate()), daemon=True)
    again.start()
    again.join(20)
    assert found, "it waits for a claim that nobody holds"
    assert found[0]["int8"].predictions == bench.expected("int8")
    assert not list(tmp_path.rglob("*.begun"))
