"""Whether a published pose number was measured as it is evaluated here: with flip_test or not, in which boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pytest_quant.spec.condition import Untold
from pytest_quant.spec.dataset import DatasetSpec
from pytest_quant.spec.text import shown
from pytest_quant.tasks.base import Task
from pytest_quant.tasks.optional import ReadsConfig
from pytest_quant.zoo.draft import holds
from pytest_quant.zoo.metafile import MetafileModel
from pytest_quant.zoo.schema import MetafileEntry
from pytest_quant.zoo.yaml_lines import RawEntry

Boxes = Literal["ground-truth", "detected"]


def has_protocol(task: Task) -> bool:
    """Whether models of a task can be evaluated on flipped images as well, as mmpose publishes its numbers."""
    return "flip_test" in task.postprocess_options.model_fields


def boxes_of(dataset: DatasetSpec | None) -> Boxes:
    """Which boxes a dataset of persons gives."""
    boxes = getattr(dataset.options, "boxes", "ground-truth") if dataset is not None else "ground-truth"
    return "ground-truth" if boxes == "ground-truth" else "detected"


def why_not_comparable(
    task: Task, model: MetafileModel, entry: RawEntry, boxes: Boxes, stated: MetafileEntry | None
) -> str | None:
    """Why the numbers of a metafile are not those of this evaluation; None where they are.

    ``boxes``: those of the evaluation; ``stated``: what the zoo file says of how the numbers were measured.
    """
    reasons = [*_other_flip(task, model, entry, stated), *_other_boxes(boxes, stated)]
    return "; ".join(reasons) or None


def _other_boxes(here: Boxes, stated: MetafileEntry | None) -> Iterator[str]:
    told = None if stated is None else stated.boxes
    there, source = (told, "as `metafile.boxes` says") if told is not None else ("detected", "as mmpose publishes")
    if there == here:
        return
    how = "the json of the detections" if there == "detected" else "ground-truth"
    yield (
        f"published with {there} boxes ({source}), evaluated with {here} boxes. Evaluate the same way (`boxes` of the "
        f"dataset: {how}), or write a number that was measured with {here} boxes under `published`, or "
        f"`metafile: {{boxes: {here}}}` if these were"
    )


def _other_flip(task: Task, model: MetafileModel, entry: RawEntry, stated: MetafileEntry | None) -> Iterator[str]:
    here = holds(entry, ("postprocess", "flip_test")) and entry["postprocess"]["flip_test"] is True
    told = None if stated is None else stated.flip_test
    there, source = (told, "as `metafile.flip_test` says") if told is not None else _published_flip(task, model)
    if there == here:
        return
    how = {True: "with flip_test", False: "without flip_test"}
    yield (
        f"published {how[there]} ({source}), evaluated {how[here]}. Evaluate the same way "
        f"(`postprocess: {{flip_test: {_yaml(there)}}}`), or write a number that was measured {how[here]} under "
        f"`published`, or `metafile: {{flip_test: {_yaml(here)}}}` if these were"
    )


def _yaml(value: bool) -> str:
    return "true" if value else "false"


def _published_flip(task: Task, model: MetafileModel) -> tuple[bool, str]:
    """Whether the numbers of a metafile were made with flip_test: as the model's config says, or as mmpose does."""
    config = model.config
    if config is not None and isinstance(task, ReadsConfig):
        value = task.config_conditions(config).get("flip_test")
        if isinstance(value, bool):
            return value, f"as {shown(config)} says"
        if isinstance(value, Untold):
            return True, f"as mmpose does; {value.reason}"
    return True, "as mmpose publishes"
