"""What the headers of image files say, without decoding them: size, orientation, bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from pytest_quant.datasets.base import Sample

LOOKED_AT = 200
"""Headers are read of so many of the evaluated samples, which stand in random order."""

_EXIF_ORIENTATION = 274
_UPRIGHT = 1
_PNG_DEPTH_AT = 24
_TIFF_BITS = 258
_TRANSPOSED_FROM = 5
"""From this EXIF orientation on, width and height change places."""


@dataclass(frozen=True)
class Header:
    """What one file says of itself."""

    sample: Sample
    width: int
    height: int
    """As stored."""
    orientation: int
    """EXIF's; 1 where it says nothing."""
    is_16_bit: bool

    def size(self, *, orient: bool) -> tuple[int, int]:
        """Width and height of the pixels that a net is given."""
        if orient and self.orientation >= _TRANSPOSED_FROM:
            return self.height, self.width
        return self.width, self.height


Said = tuple[int, int, int, bool]
"""What a header says: the fields of `Header` after the sample."""


def headers(samples: Sequence[Sample], said: Callable[[Sample, Path], Said | None]) -> list[Header]:
    """The headers of the first samples; none of what is no file, or is in a format that Pillow does not know.

    ``said``: what the header of a sample says, as `read_header` reads it.
    """
    files = ((sample, sample.source) for sample in samples[:LOOKED_AT] if isinstance(sample.source, Path))
    found = ((sample, said(sample, path)) for sample, path in files)
    return [Header(sample, *known) for sample, known in found if known is not None]


@lru_cache(maxsize=4096)
def read_header(path: Path) -> Said | None:
    """What the header of a file says; None where Pillow does not know the format."""
    try:
        with path.open("rb") as file, Image.open(file) as image:
            orientation = int(image.getexif().get(_EXIF_ORIENTATION, _UPRIGHT))
            return image.width, image.height, orientation, image.mode.startswith("I") or _is_deep(path, image)
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None  # OpenCV has read it already, and that is what counts


def _is_deep(path: Path, image: Image.Image) -> bool:
    """Whether a colour image has 16 bits a channel, which Pillow reads as 8."""
    if image.format == "PNG":
        with path.open("rb") as file:
            return file.read(_PNG_DEPTH_AT + 1)[_PNG_DEPTH_AT] == 16
    bits = image.tag_v2.get(_TIFF_BITS) if isinstance(image, TiffImageFile) else None
    return isinstance(bits, tuple) and max(bits) == 16
