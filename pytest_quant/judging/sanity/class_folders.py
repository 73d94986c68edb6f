"""``class-folders``: labels are the ranks of class folders, and there are fewer folders than the net has classes."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_quant.datasets.files import ImageFiles
from pytest_quant.judging.sanity.finding import Finding
from pytest_quant.judging.sanity.look import Look
from pytest_quant.tasks.classification.prediction import ClassPrediction


def find_ranks_of_some(look: Look) -> Iterator[Finding]:
    """A warning: with a part of the folders every one behind a missing one has another rank than the net knows."""
    dataset, first = look.dataset, look.predictions["fp32"][0]
    if not isinstance(dataset, ImageFiles) or not dataset.ranks_folders or not isinstance(first, ClassPrediction):
        return
    folders = len({sample.truth for sample in dataset.samples})
    if folders < first.class_count:
        yield Finding(
            "class-folders",
            "warning",
            f"labels are the ranks of {folders} class folders, and the net has {first.class_count} classes: a folder "
            "behind one that is missing has another rank than in the whole dataset",
            "name the classes of the images in `meta/<split>.txt` (`path label`), or fetch the other folders",
        )
