"""Image files with a label list of the user's own."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pytest_quant.datasets.files import ImageFiles, open_listed, require_file, require_folder, where
from pytest_quant.datasets.inside import inside
from pytest_quant.datasets.label_list import read_label_list
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.errors import DatasetError
from pytest_quant.spec.paths import exists
from pytest_quant.spec.text import shown


class ImageListOptions(BaseModel):
    """Keys of a dataset of ``type: image-list``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: Path
    list: str = Field(min_length=1)
    """Text file below ``root`` with ``relative/path class`` on each line; the paths are relative to ``root`` too."""


def open_dataset(spec: DatasetSpec) -> ImageFiles:
    """The listed files in the list's order; ids are their paths relative to ``root``, the truth is the class index.

    Raises:
        DatasetMissingError: ``root`` does not exist.
        DatasetError: ``root`` is there without the list, the list is malformed, or files that it names do not exist.

    """
    options: ImageListOptions = spec.options
    require_folder(options.root, spec, "root")
    name = inside(options.list)
    if name is None:
        raise DatasetError(
            f"{where(spec)}: `list` is {options.list!r}, which leaves `root` ({shown(options.root)}); expected the "
            "name of a file below it"
        )
    list_file = options.root / name
    if not exists(list_file):
        raise DatasetError(
            f"{where(spec)}: {shown(options.root)} (`root`) is there, but not its `list` {shown(list_file)}, so it is "
            "not a dataset that is merely missing; correct the name, which is relative to `root`"
        )
    require_file(list_file, spec, "list")
    return open_listed(spec, options.root, read_label_list(list_file, options.root), list_file)
