from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pytest_quant.datasets.decode import decode_image
from pytest_quant.spec.errors import DatasetError

RED, BLUE = (255, 0, 0), (0, 0, 255)


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def half_red_half_blue() -> NDArray[np.uint8]:
    """Width 32, height 16; the left half red."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16], pixels[:, 16:] = RED, BLUE
    return pixels


def test_pixels_come_as_rgb() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    decoded = decode_image(encoded(pixels), orient=True, name="x")
    assert np.array_equal(decoded, pixels)
    assert decoded.dtype == np.uint8
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize(("orient", "shape"), [(True, (32, 16, 3)), (False, (16, 32, 3))])
def test_exif_orientation_is_applied_when_asked_for(orient: bool, shape: tuple[int, ...]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    decoded = decode_image(encoded(half_red_half_blue(), "JPEG", quality=100, exif=exif), orient=orient, name="x")
    assert decoded.shape == shape
    first, last = decoded[2, 2].astype(int), decoded[-3, -3].astype(int)
    assert np.abs(first - RED).max() < 10
    assert np.abs(last - BLUE).max() < 10


def test_gray_alpha_and_sixteen_bits_become_three_channels_of_eight() -> None:
    gray = np.full((4, 4), 77, np.uint8)
    assert (decode_image(encoded(gray), orient=True, name="x") == 77).all()
    alpha = np.dstack([half_red_half_blue(), np.full((16, 32), 3, np.uint8)])
    assert np.array_equal(decode_image(encoded(alpha), orient=True, name="x"), half_red_half_blue())
    ok, deep = cv2.imencode(".png", np.full((4, 4, 3), 0x4D4D, np.uint16))
    assert ok
    assert (decode_image(deep.tobytes(), orient=True, name="x") == 0x4D).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_truncated_image_names_the_sample(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encoded(noise, kind)
    decode_image(whole, orient=True, name="x")
    with pytest.raises(DatasetError, match=r"sample 'a\.png' does not decode"):
        decode_image(whole[: len(whole) // 2], orient=True, name="sample 'a.png'")


def test_a_git_lfs_pointer_is_named_as_such() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12345\n"
    with pytest.raises(DatasetError, match=r"^sample 'a\.png' is a Git LFS pointer .* `git lfs pull`$"):
        decode_image(pointer, orient=True, name="sample 'a.png'")


@pytest.mark.parametrize("data", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_other_bytes_name_the_sample(data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"sample 'a\.png'"):
        decode_image(data, orient=True, name="sample 'a.png'")
