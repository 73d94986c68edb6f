"""Files of arrays that are damaged: a message, whatever `zipfile` makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_quant.datasets.stored_arrays import StoredArrays
from pytest_quant.spec.errors import DatasetError

_DIRECTORY, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"


@pytest.fixture(params=[np.savez, np.savez_compressed], ids=["stored", "compressed"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    save: Callable[..., None] = request.param
    save(tmp_path / "a.npz", features=np.zeros((3, 4), np.float32), ids=np.arange(5))
    return tmp_path / "a.npz"


def read(path: Path) -> list[object]:
    arrays = StoredArrays(path, "a")
    return [arrays[key] for key in (*arrays, "features")]


def changed(path: Path, offset: int, value: bytes, *, local: bool = False) -> None:
    """Bytes of the first member's entry in the directory, and of its own header."""
    data = bytearray(path.read_bytes())
    at = data.index(_DIRECTORY) + offset
    data[at : at + len(value)] = value
    if local:
        at = data.index(_LOCAL) + offset - 2
        data[at : at + len(value)] = value
    path.write_bytes(data)


def test_a_version_to_come(path: Path) -> None:
    changed(path, 6, b"\xff")
    with pytest.raises(
        DatasetError, match=r"is damaged or was cut off: it is not a whole .* \(zip file version 25\.5\)"
    ):
        read(path)


def test_a_member_without_a_name(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: data.index(_DIRECTORY)] + _entry(b"", data) + data[-22:])
    with pytest.raises(DatasetError, match=r"has no array 'features'|is damaged"):
        read(path)


def _entry(name: bytes, data: bytes) -> bytes:
    at = data.index(_DIRECTORY)
    return data[at : at + 28] + len(name).to_bytes(2, "little") + bytes(16) + name


@pytest.mark.parametrize("method", [12, 14, 99], ids=["bzip2", "lzma", "another"])
def test_another_compression_than_the_file_says(path: Path, method: int) -> None:
    changed(path, 10, bytes([method]), local=True)
    with pytest.raises(DatasetError, match=r"is damaged|cannot be read"):
        read(path)


def test_any_byte_of_its_headers(path: Path) -> None:
    """What comes of another byte is an array or a message."""
    data = path.read_bytes()
    places = [*range(42), *range(data.index(_DIRECTORY), len(data))]
    refused = 0
    for at in places:
        for value in (0xFF, data[at] ^ 1):
            path.write_bytes(data[:at] + bytes([value]) + data[at + 1 :])
            try:
                read(path)
            except DatasetError:
                refused += 1
    assert refused > 100


def test_a_shape_beyond_what_a_float_holds(tmp_path: Path) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'9' * 400}, 3)}}".encode().ljust(501) + b"\n"
    file = tmp_path / "a.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DatasetError, match=r"over a thousand million GiB; expected the input of a net, 1 GiB at most"):
        StoredArrays(file, "a")["any"]
