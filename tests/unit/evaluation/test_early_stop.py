from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pytest_quant.evaluation.early_stop import evaluate_until
from pytest_quant.evaluation.engine.work import WorkerPool
from pytest_quant.evaluation.evaluate import evaluate
from pytest_quant.spec.net import SIDES, Net
from tests.unit.evaluation.fakes import Bench, Product


class Enough:
    """A rule that wants the first ``wanted`` samples."""

    def __init__(self, wanted: int | None) -> None:
        self._wanted = wanted
        self.seen: list[list[float]] = []

    def update(self, comparison: Any) -> int | None:
        self.seen.append(comparison)
        count = sum(map(len, self.seen))
        return self._wanted if self._wanted is not None and count >= self._wanted else None


@pytest.fixture(autouse=True)
def _comparison_is_the_fp32_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Product, "compare", lambda self, samples, fp32, int8: list(fp32))


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_the_number_needed_is_the_rule_s_however_many_shards_run_at_a_time(tmp_path: Path, cores: int) -> None:
    first = 3 + cores + 1  # the third, and those that were at work when it was done

    def no_further(side: Net, number: int) -> None:
        if number // 3 >= first:  # the third is late: its thread had no core for a while
            time.sleep(0.2)

    bench = Bench(tmp_path, shards=20, shard_size=3, cores=cores, hook=no_further)
    rule = Enough(7)
    results, needed = evaluate_until(rule, bench.evaluation(), bench.store, bench.engine)
    assert needed == 7
    assert results["int8"].predictions[:7] == bench.expected("int8")[:7]
    assert [value for values in rule.seen for value in values] == bench.expected("fp32")[:9]
    assert len(rule.seen) == 3
    assert len(bench.runs) <= 2 * 3 * (first + cores)


def test_a_rule_that_never_has_enough_sees_every_sample_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=7, shard_size=2, cores=2)
    rule = Enough(None)
    results, needed = evaluate_until(rule, bench.evaluation(), bench.store, bench.engine)
    assert needed == 14
    assert [value for values in rule.seen for value in values] == bench.expected("fp32")
    for side in SIDES:
        assert results[side].predictions == bench.expected(side)
        assert not results[side].cached
    assert set(bench.runs.values()) == {1}
    again, _ = evaluate_until(Enough(None), bench.evaluation(), bench.store, bench.engine)
    assert again["fp32"].cached
    assert again["int8"].cached


def test_nets_are_freed_at_the_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=12, shard_size=1, cores=2)
    evaluate_until(Enough(None), bench.evaluation(), bench.store, bench.engine)
    assert len(bench.opened) <= 2 * 2
    assert sorted(bench.closed) == sorted(side for side, _ in bench.opened)


def test_a_pool_keeps_nets_for_the_next_call(tmp_path: Path) -> None:
    bench = Bench(tmp_path, shards=2, shard_size=1, cores=1)
    evaluation = bench.evaluation()
    pool = WorkerPool(evaluation.work)
    evaluate(evaluation, bench.store, bench.engine, pool=pool)
    bench.store.drop(bench.key("int8", 1))
    evaluate(evaluation, bench.store, bench.engine, pool=pool)
    assert [side for side, _ in bench.opened] == ["fp32", "int8"]
    assert bench.closed == []
    pool.close()
    assert bench.closed == ["fp32", "int8"]
