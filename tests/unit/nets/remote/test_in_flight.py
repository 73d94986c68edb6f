"""Inputs on their way, and the memory that both sides of a target of this machine see."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets.remote import far_side, in_flight, shared_inputs
from pytest_quant.nets.remote.in_flight import Flight, InFlight
from pytest_quant.nets.remote.shared_inputs import SharedInputs


def arrays(count: int, side: int = 4) -> list[np.ndarray]:
    return [np.full((3, side, side), value, np.float32) for value in range(count)]


def announced_in(flights: InFlight, array: np.ndarray) -> Flight:
    return flights.announce(array, {"data": array})


def test_small_inputs_travel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MESSAGE_BYTES", 3 * 192)
    flights = InFlight()
    announced = [announced_in(flights, array) for array in arrays(7)]
    first = list(flights.unsent(whole=False))
    assert first == [announced[:3]], "then the far side is busy: the rest waits for a larger message"
    assert list(chain(*flights.unsent(whole=True))) == announced


def test_no_more_than_the_window_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "WINDOW_BYTES", 2 * 192)
    flights = InFlight()
    one, _ = (announced_in(flights, array) for array in arrays(2))
    full = flights.has_room
    flights.take(one)
    assert (full, flights.has_room) == (False, True)


def test_an_input_is_known_by_its_memory() -> None:
    flights = InFlight()
    persons = np.stack(arrays(2))
    kept = [announced_in(flights, row) for row in persons]
    assert [flights.of(row) for row in persons] == kept
    assert flights.of(persons[0].copy()) is None


def test_answers_come_in_the_order_of_the_inputs() -> None:
    flights = InFlight()
    announced = [announced_in(flights, array) for array in arrays(3)]
    for flight in announced:
        flight.state = "sent"
    flights.answered(["first", "second"])
    assert [flight.answer for flight in announced] == ["first", "second", None]


def test_what_is_forgotten_on_its_way_is_dropped_when_it_comes() -> None:
    flights = InFlight()
    here, sent = (announced_in(flights, array) for array in arrays(2))
    sent.state = "sent"
    flights.forget()
    assert flights.of(here.given) is None
    assert flights.of(sent.given) is None
    again = announced_in(flights, sent.given)
    again.state = "sent"
    flights.answered(["old", "new"])
    assert again.answer == "new"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedInputs:
    monkeypatch.setattr(shared_inputs, "SIZE_BYTES", 4096)
    made = SharedInputs.make()
    assert made is not None, "this system sets memory aside"
    return made


def test_both_sides_see_what_is_put(shared: SharedInputs) -> None:
    memory = far_side.seen((str(shared.path), shared.token, 4096))
    shared.hide()
    assert not shared.path.exists()
    array = np.arange(48, dtype=np.float32).reshape(3, 4, 4)
    place = shared.put(array)
    assert place is not None
    assert np.array_equal(far_side.given("<f4", array.shape, place, memory), array)


def test_a_file_of_another_machine_is_not_taken(shared: SharedInputs, tmp_path: Path) -> None:
    assert far_side.seen((str(shared.path), b"x" * 64, 4096)) is None
    assert far_side.seen((str(tmp_path / "nothing"), shared.token, 4096)) is None
    (tmp_path / "short").write_bytes(b"")
    assert far_side.seen((str(tmp_path / "short"), shared.token, 4096)) is None
    assert far_side.seen(None) is None
    shared.hide()


def test_a_disk_that_is_full_sends_inputs_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    assert SharedInputs.make() is None


@given(st.lists(st.one_of(st.integers(1, 300), st.none()), max_size=60))
def test_inputs_in_use_never_overlap(steps: list[int | None]) -> None:
    """Each number is an input of so many values that is put, None gives the oldest back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_inputs, "SIZE_BYTES", 4096)
        ring = SharedInputs.make()
    assert ring is not None
    ring.hide()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_inputs, "SIZE_BYTES", 4096)
        used: list[tuple[int, int]] = []
        for step in steps:
            if step is None:
                if used:
                    ring.give_back()
                    used.pop(0)
                continue
            place = ring.put(np.zeros(step, np.float32))
            if place is None:
                assert used, "an empty ring has room for any of these"
                continue
            assert 64 <= place <= 4096 - 4 * step
            assert all(end <= place or place + 4 * step <= start for start, end in used)
            used.append((place, place + 4 * step))
