from __future__ import annotations

import pickle
import struct
import sys
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_quant.datasets.plain_pickle import ArrayRecord, PickleRefusedError, read_plain_pickle
from pytest_quant.extending.known import open_dataset
from pytest_quant.spec.errors import DatasetError

from .specs import cifar_records, dataset_spec

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def refusal(data: bytes, max_instructions: int = 1000) -> str:
    with pytest.raises(PickleRefusedError) as caught:
        read_plain_pickle(data, max_instructions=max_instructions)
    assert len(str(caught.value)) < 300
    return str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(value=PLAIN)
def test_plain_values_are_read_as_pickle_reads_them(protocol: int, value: object) -> None:
    assert read_plain_pickle(pickle.dumps(value, protocol), max_instructions=10000) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_uint8(protocol: int, order: Any) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(4, 6).astype(np.uint8, order=order)
    record = read_plain_pickle(pickle.dumps(array, protocol), max_instructions=100)
    assert isinstance(record, ArrayRecord)
    assert np.array_equal(record.as_uint8(), array)


def python2_batch(labels: list[int], pixels: bytes) -> bytes:
    """A batch as Python 2 wrote it: protocol 2, every text and the array's content as byte strings."""
    memo = iter(range(256))

    def short(text: str) -> bytes:
        return b"U" + bytes([len(text)]) + text.encode("latin-1") + b"q" + bytes([next(memo)])

    def keep() -> bytes:
        return b"q" + bytes([next(memo)])

    return b"".join(
        [
            b"\x80\x02}", keep(), b"(", short("batch_label"), short("testing batch 1 of 1"),
            short("labels"), b"]", keep(), b"(", *(b"K" + bytes([label]) for label in labels), b"e",
            short("data"), b"cnumpy.core.multiarray\n_reconstruct\n", keep(), b"cnumpy\nndarray\n", keep(),
            b"K\x00\x85", keep(), short("b"), b"\x87", keep(), b"R", keep(),
            b"(K\x01K", bytes([len(labels)]), b"M\x00\x0c\x86", keep(), b"cnumpy\ndtype\n", keep(),
            short("u1"), b"K\x00K\x01\x87", keep(), b"R", keep(), b"(K\x03", short("|"),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T", struct.pack("<i", len(pixels)), pixels, keep(), b"tb",
            short("filenames"), b"]", keep(), b"(", *(short(f"{index}.png") for index in range(len(labels))), b"eu.",
        ]
    )  # fmt: skip


def test_the_original_form(tmp_path: Path) -> None:
    records = cifar_records(3)
    data = python2_batch(records[:, 0].tolist(), records[:, 1:].tobytes())
    # The bytes above are what they are meant to be: the standard library reads the same from them.
    meant = pickle.loads(data, encoding="latin1")  # noqa: S301
    assert sorted(meant) == ["batch_label", "data", "filenames", "labels"]
    assert np.array_equal(meant["data"], records[:, 1:])
    (tmp_path / "test_batch").write_bytes(data)
    dataset = open_dataset(dataset_spec("cifar10", tmp_path))
    assert [dataset.content(sample) for sample in dataset.samples] == [record.tobytes() for record in records]


class Asks:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_command_is_named_and_not_executed(tmp_path: Path, protocol: int) -> None:
    import os

    marker = tmp_path / "executed"
    attack = pickle.dumps({"data": Asks(os.system, f"echo > {marker}"), "labels": [1]}, protocol)
    (tmp_path / "test_batch").write_bytes(attack)
    with pytest.raises(DatasetError, match=r"test_batch asks for (posix|nt)\.system; it was not executed"):
        open_dataset(dataset_spec("cifar10", tmp_path))
    assert not marker.exists()
    pickle.loads(attack)  # noqa: S301 - the attack is real: the standard library would have executed it
    assert marker.exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (eval, ("1 + 1",), "eval"),
        (exec, ("pass",), "exec"),
        (getattr, (1, "real"), "getattr"),
        (__import__, ("os",), "__import__"),
        (np.load, ("x.npy",), "load"),
        (np.zeros, (3,), "numpy"),
        (bytearray, (10,), "bytearray"),
        (OrderedDict, (), "OrderedDict"),
    ],
)
def test_every_other_function_is_refused(protocol: int, function: Any, arguments: Any, name: str) -> None:
    message = refusal(pickle.dumps([Asks(function, *arguments)], protocol))
    assert message.startswith("asks for ")
    assert name in message


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"(S'id'\nios\nsystem\n.", "pickle instruction INST 'os system'"),
        (b"\x80\x04\x8c\x05numpy\x8c\x15ndarray.__class__.mro\x93.", "asks for numpy.ndarray.__class__.mro"),
        (b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.", "asks for builtins.getattr"),
        (b"cnumpy\ndtype.__init__.__globals__\n.", "asks for numpy.dtype.__init__.__globals__"),
        (b"\x80\x04K\x01\x8c\x03foo\x93.", "is a damaged pickle: STACK_GLOBAL requires str"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "pickle instruction NEWOBJ"),
        (b"\x80\x02cnumpy\ndtype\n}b.", "asks to set the state of numpy.dtype"),
        (RECONSTRUCT + b"(N}\x8c\x08__code__K\x01stb.", "asks to set the state of numpy.core.multiarray._recons"),
        (RECONSTRUCT + b"(cnumpy\ndtype\nK\x00\x85U\x01btR.", "asks to call numpy.core.multiarray._reconstruct"),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x05\x00\x00\x00rot13tR.", "asks to call _codecs.encode"),
        (b"cnumpy\nndarray\n(K\x01tR.", "asks to call numpy.ndarray"),
        (b"K\x01(tR.", "'int' object is not callable"),
        (b"Pid\n.", "pickle instruction PERSID 'id'"),
        (b"K\x01Q.", "pickle instruction BINPERSID"),
        (b"\x82\x01.", "pickle instruction EXT1 1"),
        (b"(dS'a'\nQ.", "BINPERSID"),
    ],
)
def test_tricks_with_instructions(data: bytes, message: str) -> None:
    assert message in refusal(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b".", b"K", b"K\x01", b"(.", b"t.", b"(K\x01", b"h\x05.", b"K\x01a.", b"]K\x01(a.", b"}K\x01s.",
        b"}(K\x01u.", b"}]K\x01s.", b"\xff.", b"text", b"S'a\n.", b"\x80\x63.", b"0.",
    ],
)  # fmt: skip
def test_damaged_pickles(data: bytes) -> None:
    refusal(data)


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads digits without a bound")
def test_a_number_of_endless_digits() -> None:
    refusal(b"I1" + b"0" * 5000 + b"\n.")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x8e" + struct.pack("<Q", 1 << 60) + b"x.", "damaged"),
        (b"B" + struct.pack("<I", 0xFFFFFFFF) + b"x.", "damaged"),
        (b"]" * 1001 + b".", "more than 1000 pickle instructions"),
        (b"(" * 999 + b"t" * 999 + b".", "more than 1000"),
    ],
)
def test_enormous_claims(data: bytes, message: str) -> None:
    assert message in refusal(data)


def test_a_memo_index_does_not_reserve_memory() -> None:
    assert "numbers a value 2147483647, of at most 10" in refusal(
        b"]K\x05r\xff\xff\xff\x7faj\xff\xff\xff\x7fa.", max_instructions=10
    )
    assert read_plain_pickle(b"]K\x05r\x07\x00\x00\x00aj\x07\x00\x00\x00a.", max_instructions=10) == [5, 5]


def test_values_nested_deeply_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    nested = b"]" * 200 + b"a" * 199
    (tmp_path / "test_batch").write_bytes(
        b"}(X\x06\x00\x00\x00labels]" + nested + b"aX\x04\x00\x00\x00data" + nested + b"u."
    )
    with pytest.raises(DatasetError, match="without the right 'data'"):
        open_dataset(dataset_spec("cifar10", tmp_path))


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (ArrayRecord(), "dtype None"),
        (ArrayRecord((2,), "u1", False, b"ab"), "dtype None"),
    ],
)
def test_records_without_a_dtype(record: ArrayRecord, message: str) -> None:
    with pytest.raises(PickleRefusedError, match=message):
        record.as_uint8()


DTYPE = b"cnumpy\ndtype\n(U\x02u1I00\nI01\ntR"
ARRAY = RECONSTRUCT + b"(cnumpy\nndarray\n(K\x00tU\x01btR"


@pytest.mark.parametrize(
    ("shape", "content", "message"),
    [
        (b"(K\x03t", b"U\x02ab", "of 2 bytes whose shape does not fit"),
        (b"(J\xff\xff\xff\xffJ\xfe\xff\xff\xfft", b"U\x02ab", "does not fit"),
        (b"(" + b"L" + b"9" * 4000 + b"L\n" + b"K\x02t", b"U\x02ab", "does not fit"),
        (b"(K\x01K\x01K\x01K\x01K\x02t", b"U\x02ab", "without a shape"),
        (b"N", b"U\x02ab", "without a shape"),
        (b"(K\x02t", b"N", "without content"),
        (b"(K\x02t", b"]", "without content"),
        (b"(K\x01t", "X\x03\x00\x00\x00€".encode(), "content is text"),
    ],
)
def test_arrays_that_do_not_fit(shape: bytes, content: bytes, message: str) -> None:
    record = read_plain_pickle(ARRAY + b"(K\x01" + shape + DTYPE + b"\x89" + content + b"tb.", max_instructions=100)
    with pytest.raises(PickleRefusedError, match=message):
        record.as_uint8()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_batch_is_refused_or_read_but_nothing_else(data: st.DataObject) -> None:
    content = bytearray(pickle.dumps({"data": np.arange(12, dtype=np.uint8).reshape(3, 4), "labels": [1, 2, 3]}, 2))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(PickleRefusedError):
        batch = read_plain_pickle(bytes(content[: data.draw(st.integers(0, len(content)))]), max_instructions=200)
        if isinstance(batch, dict) and isinstance(batch.get("data"), ArrayRecord):
            batch["data"].as_uint8()
