"""Images without labels, for limits that need none."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from pytest_quant.datasets.files import ImageFiles, where
from pytest_quant.datasets.unlabelled import open_images
from pytest_quant.spec.dataset import DatasetSpec


class ImagesOptions(BaseModel):
    """Keys of a dataset of ``type: images``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path | None = None
    """A folder, searched with its subfolders."""
    list: Path | None = None
    """A text file with one path a line, relative to the file's own folder; or relative to ``root`` where both are."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ImagesOptions:
        if (self.root is None) == (self.list is None):
            raise ValueError("one of the keys `root`, a folder of images, and `list`, a text file that names them")
        return self


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The images in the order of their paths, or of the list; the truth of a sample is None.

    Raises:
        DatasetMissingError: ``root`` or ``list`` does not exist.
        DatasetError: There are no images, one is named twice, or a named one does not exist.

    """
    options: ImagesOptions = spec.options
    source = options.root or options.list
    assert source is not None, "one of the two is there"  # noqa: S101
    return ImageFiles(spec.name, open_images(source, what=where(spec), is_dataset=True).samples)
