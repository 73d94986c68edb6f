from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from pytest_quant.report.pictures.thumbnail import scaled, thumbnail
from pytest_quant.tasks.drawing import Drawing, Mask, Skeleton, box


def decoded(data: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_large_image_becomes_small() -> None:
    rng = np.random.default_rng(0)
    small = thumbnail(rng.integers(0, 256, (640, 1280, 3), np.uint8))
    image = decoded(small.webp)
    assert (image.format, image.size, small.scale) == ("WEBP", (320, 160), 0.25)


def test_a_tiny_image_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 24, 3), np.uint8)
    small = thumbnail(pixels)
    assert (small.width_px, small.height_px, small.scale) == (24, 32, 1.0)
    assert np.array_equal(np.asarray(decoded(small.webp).convert("RGB")), pixels)


def test_shapes_are_scaled() -> None:
    skeleton = Skeleton(((10.0, 20.0), None), ((0, 1),))
    found = scaled(Drawing("two", (box(0, 0, 40, 20, "cat", dashed=True), skeleton)), 0.5)
    assert found.caption == "two"
    outline = found.shapes[0].as_json()
    assert outline == {"points": [[0, 0], [20, 0], [20, 10], [0, 10]], "label": "cat", "dashed": True}
    assert [shape.links for shape in found.shapes] == [None, ((0, 1),)]
    assert list(found.shapes[1].points) == [(5, 10), None]
    assert found.mask is None


def test_of_very_many_shapes_some_are_drawn_and_the_rest_is_counted() -> None:
    found = scaled(Drawing("crowd", (box(0, 0, 1, 1),) * 100), 1.0)
    assert (len(found.shapes), found.left_out) == (60, 40)


def test_a_mask_is_an_image_of_its_lattice() -> None:
    mask = scaled(Drawing("m", (Mask(np.array([[-1, 0, 1], [1, 1, 23]])),)), 1.0).mask
    assert mask is not None
    image = decoded(mask)
    assert (image.format, image.size) == ("PNG", (3, 2))
    pixels = np.asarray(image.convert("RGBA"))
    assert pixels[0, 0, 3] == 0
    assert (pixels[0, 1:, 3] == 255).all()
    assert np.array_equal(pixels[0, 2], pixels[1, 0])
    assert len({tuple(pixels[place]) for place in ((0, 1), (0, 2), (1, 2))}) == 3
