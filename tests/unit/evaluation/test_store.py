from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from pytest_quant.evaluation.files import replace_file
from pytest_quant.evaluation.store import PredictionStore, ShardKey, StoredShard
from pytest_quant.tasks.classification.prediction import ClassPrediction, pack_predictions, unpack_predictions
from tests.unit.evaluation.processes import HOLD_CLAIM, child, claimed, said

KEY = ShardKey("a" * 64, "b" * 64)
OTHER = ShardKey("a" * 64, "c" * 64)

Arrays = dict[str, NDArray[Any]]

names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8).filter(lambda name: name != "file")
dtypes = st.sampled_from([np.dtype(name) for name in ("i1", "i4", "i8", "u1", "f4", "f8", "?", "U5")])
arrays = dtypes.flatmap(lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=0, max_dims=3, min_side=0)))


@pytest.fixture
def store(tmp_path: Path) -> PredictionStore:
    return PredictionStore(tmp_path / "store", tmp_path / "locks")


def in_temporary_folder(function: Callable[[PredictionStore], None]) -> None:
    with TemporaryDirectory() as folder:
        function(PredictionStore(Path(folder) / "store", Path(folder) / "locks"))


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(names, arrays, max_size=4), st.floats(0, 1e6))
def test_a_shard_comes_back_as_it_was(kept: Arrays, elapsed_s: float) -> None:
    def check(store: PredictionStore) -> None:
        store.save(KEY, StoredShard(kept, elapsed_s))
        found = store.load(KEY)
        assert found is not None
        assert found.elapsed_s == elapsed_s
        assert found.arrays.keys() == kept.keys()
        for name, array in kept.items():
            assert found.arrays[name].dtype == array.dtype
            assert found.arrays[name].shape == array.shape
            assert found.arrays[name].tobytes() == array.tobytes()  # NaN too

    in_temporary_folder(check)


@st.composite
def classifications(draw: st.DrawFn) -> list[ClassPrediction]:
    """Predictions of one net: the same number of scores for every sample."""
    kept = draw(st.integers(2, 5))
    scores = st.lists(st.floats(width=32, allow_nan=False), min_size=kept, max_size=kept)
    classes = st.lists(st.integers(0, 2**31 - 1), min_size=kept, max_size=kept)
    one = st.builds(
        lambda c, s, n: ClassPrediction(tuple(c), tuple(s), n), classes, scores, st.integers(kept, 2**31 - 1)
    )
    return draw(st.lists(one, max_size=5))


@settings(deadline=None, max_examples=40)
@given(classifications())
def test_predictions_survive_packing_and_keeping(predictions: list[ClassPrediction]) -> None:
    def check(store: PredictionStore) -> None:
        store.save(KEY, StoredShard(pack_predictions(predictions), 0.5))
        found = store.load(KEY)
        assert found is not None
        assert unpack_predictions(found.arrays) == predictions

    in_temporary_folder(check)


def shard(value: float = 1.0) -> StoredShard:
    return StoredShard({"values": np.full(50, value), "classes": np.arange(50, dtype=np.int32)}, 0.25)


def test_what_was_not_kept_is_absent(store: PredictionStore) -> None:
    assert not store.has(KEY)
    assert store.load(KEY) is None
    store.save(KEY, shard())
    assert store.has(KEY)
    assert not store.has(OTHER)
    store.drop(KEY)
    assert not store.has(KEY)
    store.drop(KEY)


def test_no_damage_goes_unnoticed(store: PredictionStore, tmp_path: Path) -> None:
    # zipfile itself reads other values, or raises anything, for some of these.
    store.save(KEY, shard())
    (path,) = (path for path in (tmp_path / "store").rglob("*") if path.is_file())
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        assert store.load(KEY) is None, position
    for length in (0, 1, 31, 32, 33, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert store.load(KEY) is None, length
    path.write_bytes(whole)
    assert store.load(KEY) is not None


def test_concurrent_saves_leave_one_whole_shard_and_nothing_else(store: PredictionStore, tmp_path: Path) -> None:
    start, bad = threading.Barrier(5), []

    def write(value: float) -> None:
        start.wait()
        for _ in range(20):
            store.save(KEY, shard(value))

    def read() -> None:
        start.wait()
        for _ in range(60):
            found = store.load(KEY)
            if store.has(KEY) and (found is None or len(set(found.arrays["values"].tolist())) != 1):
                bad.append(found)

    store.save(KEY, shard(0.0))
    threads = [threading.Thread(target=write, args=(value,)) for value in (1.0, 2.0, 3.0)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not bad
    assert len([path for path in (tmp_path / "store").rglob("*") if path.is_file()]) == 1


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")

    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_claim_keeps_others_out_until_it_ends(store: PredictionStore, tmp_path: Path) -> None:
    same = PredictionStore(tmp_path / "store", tmp_path / "locks")
    with claimed(store, [KEY, OTHER]):
        assert same.try_claim([OTHER]) is None
        with claimed(same, [ShardKey("d" * 64, "b" * 64)]):
            pass
    with claimed(same, [KEY]):
        pass


def test_a_refused_claim_holds_nothing(store: PredictionStore) -> None:
    # It gets the first of two, fails at the second, and must give the first back.
    first, second = sorted([KEY, OTHER], key=lambda key: key.samples)
    with claimed(store, [second]):
        assert store.try_claim([first, second]) is None
        with claimed(store, [first]):
            pass


def test_a_claim_may_be_ended_by_another_thread(store: PredictionStore) -> None:
    release = store.try_claim([KEY])
    assert release is not None
    thread = threading.Thread(target=release)
    thread.start()
    thread.join()
    with claimed(store, [KEY]):
        pass


def test_a_claim_ends_with_its_process_however_that_ends(store: PredictionStore, tmp_path: Path) -> None:
    with child(HOLD_CLAIM, tmp_path / "store", tmp_path / "locks", KEY.side, KEY.samples) as holder:
        assert said(holder) == "claimed"
        assert store.try_claim([KEY]) is None
        holder.kill()
        holder.wait()
        with claimed(store, [KEY]):
            pass
