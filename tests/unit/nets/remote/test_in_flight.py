"""Inputs on their way, and the memory that both sides of a target of this machine see."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_quant.nets.remote import far_side, in_flight
from pytest_quant.nets.remote.in_flight import Flight, InFlight
from pytest_quant.nets.remote.messages import answers_of, message_of
from pytest_quant.nets.remote.shared_inputs import SharedInputs


def arrays(count: int, side: int = 4) -> list[NDArray[Any]]:
    return [np.full((3, side, side), value, np.float32) for value in range(count)]


def announced_in(flights: InFlight, array: NDArray[Any]) -> Flight:
    return flights.announce(array, {"data": array})


def test_small_inputs_travel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MESSAGE_BYTES", 3 * 192)
    monkeypatch.setattr(in_flight, "MESSAGE_S", 1000.0)
    flights = InFlight()
    messages = []
    for array in arrays(17):
        announced_in(flights, array)
        if flights.has_message:
            messages += flights.unsent()
            flights.sent(messages[-1])
    first, second = ([flight.blobs["data"][0, 0, 0] for flight in message] for message in messages)
    assert first == [0, 1, 2]
    assert second == [*range(3, 15)], "four times as much as the far side has to do"
    assert [len(message) for message in flights.unsent()] == [2]


def test_what_travels_together_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MESSAGE_BYTES", 192)
    monkeypatch.setattr(in_flight, "BUSY_MESSAGE_BYTES", 2 * 192)
    flights = InFlight()
    for array in arrays(8):
        announced_in(flights, array)
    assert [len(message) for message in flights.unsent()] == [1, 2, 2, 2, 1]


def test_an_input_waits_for_others_only_while_the_far_side_has_enough_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "MESSAGE_S", -1.0)
    flights = InFlight()
    one, two, three, four, five, *_ = (announced_in(flights, array) for array in arrays(6))
    told = [(flights.has_message, flights.is_due)]
    flights.sent([one, two, three, four, five])
    told.append((flights.has_message, flights.is_due))
    flights.answered(["done"])
    told.append((flights.has_message, flights.is_due))
    flights.answered(["done"] * 3)
    told.append((flights.has_message, flights.is_due))
    assert told == [(True, True), (False, False), (True, False), (True, True)]


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
    flights.sent(announced)
    flights.answered(["first", "second"])
    assert [flight.answer for flight in announced] == ["first", "second", None]


def test_what_is_forgotten_on_its_way_is_dropped_when_it_comes() -> None:
    flights = InFlight()
    here, sent = (announced_in(flights, array) for array in arrays(2))
    flights.sent([sent])
    flights.forget()
    assert flights.of(here.given) is None
    assert flights.of(sent.given) is None
    again = announced_in(flights, sent.given)
    flights.sent([again])
    flights.answered(["old", "new"])
    assert again.answer == "new"


def test_what_was_on_its_way_when_the_connection_broke_goes_again_first() -> None:
    flights = InFlight()
    announced = [announced_in(flights, array) for array in arrays(4)]
    flights.sent(announced[:3])
    flights.answered(["answer"])
    flights.lost()
    told = [flights.has_suspects]
    assert list(chain(*flights.unsent())) == announced[1:]
    for flight in announced[1:3]:
        flights.sent([flight])
        flights.answered(["again"])
    told.append(flights.has_suspects)
    assert told == [True, False]
    assert [flight.state for flight in announced] == ["answered", "answered", "answered", "here"]


def test_what_was_forgotten_on_its_way_does_not_go_again() -> None:
    flights = InFlight()
    flights.sent([announced_in(flights, array) for array in arrays(2)])
    flights.forget()
    flights.lost()
    assert not flights.has_suspects
    assert flights.unsent() == []


def sent_all(flights: InFlight) -> None:
    for message in flights.unsent():
        flights.sent(message)


def taken_all(flights: InFlight) -> None:
    for flight in [flight for flight in flights._flights if flight.state == "answered"]:
        flights.take(flight)


STEPS: dict[str, Callable[[InFlight], object]] = {
    "announce": lambda flights: announced_in(flights, np.zeros((1, 1, 1 + len(flights._flights) % 3), np.float32)),
    "send": sent_all,
    "send the last": lambda flights: flights.sent(list(flights._here)[-1:]),
    "answer": lambda flights: flights.answered(["answer"] * min(1, len(flights._sent))),
    "take": taken_all,
    "lose": InFlight.lost,
    "forget": InFlight.forget,
}


@given(st.lists(st.sampled_from(sorted(STEPS)), max_size=40))
def test_what_is_counted_is_what_is_there(steps: list[str]) -> None:
    flights = InFlight()
    for step in steps:
        STEPS[step](flights)
        of = {state: [one for one in flights._flights if one.state == state] for state in ("here", "sent", "answered")}
        assert set(flights._here) == set(of["here"])
        assert set(flights._sent) == set(of["sent"])
        assert flights._suspects <= {*of["here"], *of["sent"]}
        assert flights._here_bytes == sum(flight.size_bytes for flight in of["here"])
        assert flights._sent_bytes == sum(flight.size_bytes for flight in of["sent"])
        assert flights._held_bytes == sum(flight.size_bytes for flight in flights._flights)


def test_answers_of_one_message_go_back_together_unless_they_take_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(net: object, request: object, blobs: dict[str, int], values: list[bytes]) -> str:
        values.append(b"x")
        return f"answer {blobs['data']}"

    monkeypatch.setattr(far_side, "run", run)
    inputs = iter([{"data": number} for number in range(3)])
    assert far_side.run_together(None, {}, inputs) == (["answer 0", "answer 1", "answer 2"], [b"x"] * 3)
    assert far_side.run_together(None, {}, inputs) == ([], [])
    monkeypatch.setattr(far_side, "TOGETHER_S", -1.0)
    inputs = iter([{"data": number} for number in range(2)])
    assert far_side.run_together(None, {}, inputs) == (["answer 0"], [b"x"])
    assert far_side.run_together(None, {}, inputs) == (["answer 1"], [b"x"])


@pytest.fixture
def shared() -> SharedInputs:
    made = SharedInputs.make(4096)
    assert made is not None, "this system sets memory aside"
    return made


def test_both_sides_see_what_is_put(shared: SharedInputs) -> None:
    memory = far_side.seen((str(shared.path), shared.token, 4096))
    shared.hide()
    assert not shared.path.exists()
    array = np.arange(48, dtype=np.float32).reshape(3, 4, 4)
    place = shared.put(array)
    assert place is not None
    (seen,) = far_side.given([[("data", "<f4", [3, 4, 4], place)]], b"", memory)
    assert np.array_equal(seen["data"], array)


def test_a_file_of_another_machine_is_not_taken(shared: SharedInputs, tmp_path: Path) -> None:
    assert far_side.seen((str(shared.path), b"x" * 64, 4096)) is None
    assert far_side.seen((str(tmp_path / "nothing"), shared.token, 4096)) is None
    (tmp_path / "short").write_bytes(b"")
    assert far_side.seen((str(tmp_path / "short"), shared.token, 4096)) is None
    shared.hide()


def test_a_disk_that_is_full_sends_inputs_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, start: int, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    assert SharedInputs.make(4096) is None


@given(st.lists(st.one_of(st.integers(1, 300), st.none()), max_size=60))
def test_inputs_in_use_never_overlap(steps: list[int | None]) -> None:
    """Each number is an input of so many values that is put, None gives the oldest back."""
    memory = SharedInputs.make(4096)
    assert memory is not None
    memory.hide()
    used: list[tuple[int, int]] = []
    for step in steps:
        if step is None:
            if used:
                memory.give_back(used.pop(0)[0])
            continue
        place = memory.put(np.zeros(step, np.float32))
        if place is None:
            assert used, "empty memory has room for any of these"
            continue
        assert 64 <= place <= 4096 - 4 * step
        assert all(end <= place or place + 4 * step <= start for start, end in used)
        used.append((place, place + 4 * step))


def test_an_input_of_two_nets_lies_there_once(shared: SharedInputs) -> None:
    shared.hide()
    array = np.full((3, 4, 4), 1, np.float32)
    place = shared.put(array)
    assert place is not None
    assert shared.put(array) == place
    shared.give_back(place)
    assert shared.put(array) == place, "one net still needs it"
    assert shared.put(array.copy()) != place


def test_an_array_that_may_have_changed_is_put_anew(shared: SharedInputs) -> None:
    """One net forgets it while its answer is on the way; the other puts the same memory with other values."""
    memory = far_side.seen((str(shared.path), shared.token, 4096))
    shared.hide()
    flights, array = InFlight(), np.full((3, 4, 4), 1, np.float32)
    flight = announced_in(flights, array)
    message_of([flight], shared)
    flights.sent([flight])
    flights.forget(shared)
    array[:] = 2
    (again,) = far_side.given([[("data", "<f4", [3, 4, 4], shared.put(array))]], b"", memory)
    assert np.array_equal(again["data"], array)
    flights.answered(["old"], shared)


def test_a_net_that_is_closed_gives_its_inputs_back(shared: SharedInputs) -> None:
    shared.hide()
    array = np.zeros(900, np.float32)
    for _ in range(3):
        flights = InFlight()
        flight = announced_in(flights, array)
        message_of([flight], shared)
        assert flight.places
        flights.sent([flight])
        flights.close(shared)


@given(
    st.lists(
        st.one_of(st.text(max_size=5), st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3), max_size=3)),
        max_size=5,
    )
)
def test_answers_come_as_they_were_told(told: list[str | list[list[int]]]) -> None:
    """Each is a fault, or the shapes of outputs."""
    seeds = np.random.default_rng(0)
    outputs = [[] if isinstance(one, str) else [seeds.random(shape, np.float32) for shape in one] for one in told]
    text = json.dumps([one if isinstance(one, str) else [0.5, one] for one in told])
    found = answers_of(text, b"".join(array.tobytes() for arrays in outputs for array in arrays))
    for one, answer, arrays in zip(told, found, outputs, strict=True):
        if isinstance(answer, str):
            assert answer == one
            continue
        assert answer.forward_s == 0.5
        assert all(map(np.array_equal, answer.outputs, arrays))
        assert [array.shape for array in answer.outputs] == [array.shape for array in arrays]
