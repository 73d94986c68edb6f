"""What goes over the wire of a net: plain text about many inputs or answers, and all their values behind each other.

A connection takes any nested data, and takes its time for each part of it; this is two parts, however many inputs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod

import numpy as np

from pytest_quant.nets.remote.in_flight import Answer, Flight
from pytest_quant.nets.remote.shared_inputs import SharedInputs


def message_of(flights: Sequence[Flight], shared: SharedInputs | None) -> tuple[str, bytes]:
    """Shapes and places of inputs, which are put into ``shared`` memory where it has room; the values of the rest."""
    told = []
    values = []
    for flight in flights:
        flight.place = None if shared is None else shared.put(flight.array)
        told.append((flight.array.shape, flight.place))
        if flight.place is None:
            values.append(flight.array.astype("<f4", copy=False).tobytes())
    return json.dumps(told), b"".join(values)


def answers_of(text: str, data: bytes) -> list[Answer | str]:
    """Outputs as arrays of their own, and seconds, of each input; in words where something is wrong with it."""
    found: list[Answer | str] = []
    start = 0
    for told in json.loads(text):
        if isinstance(told, str):
            found.append(told)
            continue
        forward_s, shapes = told
        outputs = []
        for shape in shapes:
            count = prod(shape)
            outputs.append(np.frombuffer(data, "<f4", count, start).astype(np.float32).reshape(shape))
            start += 4 * count
        found.append(Answer(forward_s, outputs))
    return found
