"""What goes over the wire of a net: plain text about many inputs or answers, and all their values behind each other.

A connection takes any nested data, and takes its time for each part of it; this is two parts, however many inputs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod

import numpy as np

from pytest_quant.nets.remote.in_flight import Answer, Flight
from pytest_quant.nets.remote.shared_inputs import SharedInputs, little


def message_of(flights: Sequence[Flight], shared: SharedInputs | None) -> tuple[str, bytes]:
    """Of inputs, blob by blob: name, type, shape, place in ``shared`` memory; values of those without room."""
    told = []
    values = []
    for flight in flights:
        parts = []
        flight.places = ()
        for blob, array in flight.blobs.items():
            dtype = little(array.dtype).str
            place = None if shared is None else shared.put(array)
            parts.append((blob, dtype, array.shape, place))
            if place is None:
                values.append(array.astype(dtype, copy=False).tobytes())
            else:
                flight.places += (place,)
        told.append(parts)
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
