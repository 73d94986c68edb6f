"""The collector leaves alone what lived before, and only for as long as it is asked to."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pytest_quant.evaluation.garbage import only_new_garbage


@pytest.fixture(autouse=True)
def _as_in_a_run_of_a_user() -> Iterator[None]:
    """These tests are collected by a pytest that froze what it had collected."""
    gc.unfreeze()
    yield
    gc.freeze()


class Ring:
    """Garbage that the collector alone finds."""

    def __init__(self) -> None:
        self.me = self


def test_new_garbage_is_found_inside_and_old_garbage_behind() -> None:
    old = Ring()
    left = weakref.ref(old)
    del old
    with only_new_garbage():
        new = weakref.ref(Ring())
        gc.collect()
        assert new() is None
        assert left() is not None
        with only_new_garbage():
            pass
        assert gc.get_freeze_count()  # the outer one alone ends it
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert left() is None


def test_it_ends_with_an_error() -> None:
    with pytest.raises(KeyError), only_new_garbage():
        raise KeyError
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_froze_stays_so() -> None:
    gc.freeze()
    try:
        with only_new_garbage():
            pass
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
