"""Samples that are not text: images, label images, arrays; a sound file of each kind, and what reads it."""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.campaign.readers import Reader
from pytest_quant.datasets.arrays import open_arrays
from pytest_quant.datasets.base import Sample
from pytest_quant.datasets.masks import Coding, MaskFile, read_labels
from pytest_quant.datasets.unlabelled import open_images

_SIDE = 16


def sample_readers(folder: Path) -> list[Reader]:
    """A reader of each kind, with its files in ``folder``."""
    return [*_images(folder / "seen"), *_arrays(folder / "arrays")]


def _images(folder: Path) -> list[Reader]:
    folder.mkdir(exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (_SIDE, _SIDE, 3), np.uint8)
    found = []
    for suffix in ("png", "jpg", "bmp"):
        path = folder / f"a.{suffix}"
        Image.fromarray(pixels).save(path)
        dataset = open_images([path])
        (sample,) = dataset.samples
        known = (b"", _huge_png()) if suffix == "png" else (b"",)
        found.append(Reader.of(f"image .{suffix}", path, lambda d=dataset, s=sample: d.read(s), known))  # type: ignore[misc]
    mask = folder / "mask.png"
    Image.fromarray(pixels[:, :, 0] % 3).save(mask)
    found.append(Reader.of("label image", mask, lambda: _read_mask(mask), (b"", _huge_png())))
    return found


def _read_mask(path: Path) -> object:
    """As a run does that has hashed the file as it is."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return read_labels(MaskFile(path, sha256, Coding()), 3, "a")


def _huge_png() -> bytes:
    """A picture of 100000 by 100000 pixels in some bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _arrays(folder: Path) -> list[Reader]:
    folder.mkdir(exist_ok=True)
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    np.save(folder / "a.npy", array)
    np.savez(folder / "b.npz", features=array, ids=np.arange(5))
    np.savez_compressed(folder / "c.npz", features=array, ids=np.arange(5))
    return [
        _stored(folder / "a.npy", (b"", _pickled_npy(), *map(_npy, _SHAPES), _npy("(3, 4)") + b"x" * 100)),
        _stored(folder / "b.npz", (b"", _zipped(_pickled_npy()), *(_zipped(_npy(shape)) for shape in _SHAPES))),
        _stored(folder / "c.npz", (_zipped(_npy("(1000000000,)") + b"\0" * 300_000_000), _lying_zip())),
    ]


_SHAPES = ("(10000000000, 10000000000)", "(-1, 4)", "(9" + "9" * 5000 + ",)", "(1000000000000,)", "(3, 5)", "x", "(0,)")


def _stored(path: Path, known: tuple[bytes, ...]) -> Reader:
    (sample,) = open_arrays([path]).samples
    return Reader.of(f"{path.name[0]} {path.suffix}", path, lambda: _all_of(path, sample), known)


def _all_of(path: Path, sample: Sample) -> list[object]:
    stored = open_arrays([path]).read(sample)
    return [stored[key] for key in (stored if len(stored) else ("features", "ids"))]


def _npy(shape: str) -> bytes:
    """The header of an array of some shape, and nothing behind it."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was run')",)


def _pickled_npy() -> bytes:
    """An array of objects, which only running what it holds could read."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickle.dumps([_Evil()])


def _zipped(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("features.npy", content)
    return made.getvalue()


def _lying_zip() -> bytes:
    """A member that says it has four gigabytes."""
    data = bytearray(_zipped(_npy("(3, 4)") + bytes(48)))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = b"\xf0\xff\xff\xff"
    return bytes(data)
