"""The size of an image is read from its header, and decides whether it is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pytest_quant.datasets.decode import decode_image
from pytest_quant.datasets.masks import Coding, MaskFile, read_labels
from pytest_quant.datasets.pixel_limit import DEFAULT_MAX_PIXELS, image_size, limit_pixels
from pytest_quant.evaluation.digests import sha256_file
from pytest_quant.spec.errors import DatasetError

PIXELS = np.zeros((30, 40, 3), np.uint8)


def encoded(suffix: str) -> bytes:
    pixels = PIXELS.astype(np.float32) if suffix in (".hdr", ".pfm") else PIXELS
    return cv2.imencode(suffix, pixels)[1].tobytes()


def png_of(width: int, height: int) -> bytes:
    """A small file whose header tells of so many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def limit() -> Iterator[None]:
    restore = limit_pixels(40 * 30 - 1)
    yield
    restore()


FORMATS = [".png", ".jpg", ".bmp", ".tiff", ".webp", ".ppm", ".hdr", ".pfm", ".pam", ".ras"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_size_of_each_format(suffix: str) -> None:
    assert image_size(encoded(suffix)) == (40, 30)


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_image_of_more_pixels_than_the_limit_is_refused(suffix: str, limit: None) -> None:
    with pytest.raises(DatasetError, match=r"sample 'a' has 40 x 30 pixels, more than the 1199 .* `quant_max_pixels`"):
        decode_image(encoded(suffix), orient=True, name="sample 'a'")


def test_sizes_of_formats_that_not_every_opencv_writes() -> None:
    exr = b"\x76\x2f\x31\x01\2\0\0\0dataWindow\0box2i\0\x10\0\0\0" + struct.pack("<4i", 2, 3, 41, 32)
    assert image_size(exr) == (40, 30)
    tiles = b"".join(b"ispe\0\0\0\0" + struct.pack(">II", *size) for size in ((8, 8), (40, 30), (8, 8)))
    assert image_size(b"\0\0\0\x20ftypavif" + tiles) == (40, 30)
    for cut in (exr[:20], b"\0\0\0\x20ftypavif", b"#?RGBE\n\n", b"PF 40", b"P7\nWIDTH 40\n", b"\x59\xa6\x6a\x95"):
        assert image_size(cut) is None


def test_what_is_refused_is_not_decoded() -> None:
    run = bytes([128 + 125, 7]) * 112
    line = b"\2\2" + struct.pack(">H", 14000) + run * 4
    with pytest.raises(DatasetError, match="has 14000 x 14000 pixels"):  # 2.4 GB of floats
        decode_image(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 14000 +X 14000\n" + line * 9, orient=True, name="a")
    with pytest.raises(DatasetError, match="has 20000 x 20000 pixels"):
        decode_image(png_of(20000, 20000), orient=True, name="a")
    bomb = io.BytesIO()
    Image.new("1", (20000, 20000)).save(bomb, "TIFF", compression="group4")
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(DatasetError, match="pixels, more than the"):
        decode_image(bomb.getvalue(), orient=True, name="a")


def test_a_jpeg_with_much_before_its_size() -> None:
    plain = encoded(".jpg")
    padded = plain[:2] + b"\xff\xe1" + (60000).to_bytes(2, "big") + bytes(59998) + b"\xff" + plain[2:]
    assert image_size(padded) == (40, 30)


def test_masks(tmp_path: Path, limit: None) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(cv2.imencode(".png", PIXELS[..., 0])[1].tobytes())
    with pytest.raises(DatasetError, match=r"sample 'a': the label image .*mask.png has 40 x 30 pixels, more than"):
        read_labels(MaskFile(path, sha256_file(path), Coding()), 2, "sample 'a'")


def test_the_limit_of_before_comes_back() -> None:
    restore = limit_pixels(10)
    with pytest.raises(DatasetError):
        decode_image(encoded(".png"), orient=True, name="a")
    restore()
    assert decode_image(encoded(".png"), orient=True, name="a").shape == PIXELS.shape
    assert 20000 * 20000 > DEFAULT_MAX_PIXELS > 13000 * 13000


@given(st.sampled_from([".png", ".jpg", ".bmp", ".tiff", ".webp"]), st.integers(0, 200), st.binary(max_size=40))
def test_damaged_headers_raise_nothing(suffix: str, place: int, damage: bytes) -> None:
    data = encoded(suffix)
    image_size(data[:place] + damage + data[place + len(damage) :])
    image_size(data[:place])
