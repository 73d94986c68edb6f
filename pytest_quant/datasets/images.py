"""Images without labels, for limits that need none."""

from __future__ import annotations

from typing import ClassVar

from pytest_quant.datasets.files import ImageFiles, where
from pytest_quant.datasets.unlabelled import IMAGE_FILES, FileKind, UnlabelledOptions, open_images
from pytest_quant.spec.dataset import DatasetSpec


class ImagesOptions(UnlabelledOptions):
    """Keys of a dataset of ``type: images``."""

    kind: ClassVar[FileKind] = IMAGE_FILES


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images in the order of their paths, or of the list; the truth of a sample is None.

    Raises:
        DatasetMissingError: ``root`` or ``list`` does not exist.
        DatasetError: There are no images, one is named twice, or a named one does not exist.

    """
    options: ImagesOptions = spec.options
    return ImageFiles(spec.name, open_images(options.source, what=where(spec), is_dataset=True).samples)
