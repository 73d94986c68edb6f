"""Parts of a dataset, and what they carry as text."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.datasets.masks import Coding, MaskFile
from pytest_quant.evaluation.parts import plain
from pytest_quant.evaluation.parts.plain import packed, unpacked
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.part import Part

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
)


@given(st.integers(1, 9), st.lists(st.integers(), unique=True))
def test_parts_are_disjoint_complete_and_of_one_size(of: int, samples: list[int]) -> None:
    parts = [Part(index, of).of_samples(samples) for index in range(1, of + 1)]
    assert sorted(sample for part in parts for sample in part) == sorted(samples)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/3", "a/b", "1.0/3", "²/3"])
def test_what_is_no_part(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Part.parse(text)


@given(PLAIN)
def test_values_come_back_as_they_were(value: Any) -> None:
    found = unpacked(packed(value))
    assert found == value
    assert repr(found) == repr(value)  # 1 is not True, and a tuple is not a list


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "?", "<i8", "<U3", "u1"])
def test_arrays_come_back_as_they_were(dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    found = unpacked(packed({"array": array, "none": array[:0], "one": array[0, 1]}))
    assert found["array"].dtype == array.dtype
    assert found["array"].tolist() == array.tolist()
    assert found["none"].shape == (0, 3)
    assert found["one"] == array[0, 1]
    assert type(found["one"]) is type(array[0, 1])


def test_ground_truths_come_back_as_they_were() -> None:
    truth = MaskFile(Path("a/b.png"), "0" * 64, Coding(palette=((1, 2, 3),)))
    assert unpacked(packed([truth])) == [truth]


@dataclass(frozen=True)
class Own:
    """A ground truth of somebody else's dataset."""

    label: int


def test_a_class_of_a_loaded_module_comes_back() -> None:
    assert unpacked(packed(Own(3))) == Own(3)


def _text(value: object) -> str:
    return b64encode(zlib.compress(json.dumps(value).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "no base64",
        b64encode(b"nothing compressed").decode(),
        _text({"!": "what"}),
        _text({"!": "data", "c": "os:system", "v": {}}),
        _text({"!": "data", "c": "pytest_quant.spec.part:Part.parse", "v": {}}),
        _text({"!": "data", "c": "somewhere.else:Thing", "v": {}}),
        _text({"!": "data", "c": "pytest_quant.nowhere:Thing", "v": {}}),
        _text({"!": "data", "c": "pytest_quant.__main__:main", "v": {}}),
        _text({"!": "array", "c": "<f4", "shape": [10**30], "v": "AAAA"}),
        b64encode(zlib.compress(b"[" * 100_000)).decode(),
        b64encode(zlib.compress(b"[1]")[:-2]).decode(),
        _text({"!": "array", "c": "|O", "shape": [1], "v": "AAAAAAAAAAA="}),
    ],
)
def test_a_strangers_text_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        unpacked(text)


def test_what_expands_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "MOST_BYTES", 1000)
    assert unpacked(_text(" " * 900)) == " " * 900
    with pytest.raises(ConfigError, match="it holds more than 1000 bytes"):
        unpacked(_text(" " * 1_000_000))


@pytest.mark.parametrize("value", [object(), len, {1j}, np.array([object()])])
def test_what_cannot_be_carried_is_an_error(value: object) -> None:
    with pytest.raises(ConfigError, match="cannot be written into the report of a part"):
        packed(value)
