"""The models of metafiles that lie in a folder or were named, and the regression files beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_quant.extending.known import get_task, task_names
from pytest_quant.spec.errors import ConfigError, ZooError
from pytest_quant.spec.text import shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.proposal import Found, Proposal
from pytest_quant.zoo.metafile import MetafileModel, Metafiles
from pytest_quant.zoo.metric_names import DATASET_NAMES, METRIC_NAMES, plain
from pytest_quant.zoo.regression import is_regression
from pytest_quant.zoo.yaml_lines import read_yaml

ZOO_SUFFIX = ".quant.yaml"
_ANY_DATASET = {
    "classification": "image-list",
    "text-detection": "mmocr-json",
    "semantic-segmentation": "segmentation",
    "text-recognition": "text-lines",
}
"""The dataset type that holds any dataset of a task; key points are those of COCO's persons."""

Published = list[tuple[MetafileModel, str]]


def read_published(folder: Path, metafiles: Sequence[Path], regressions: Iterable[Path], found: Found) -> Published:
    """The models of the metafiles that were named or lie in the folder; regression files go into ``found``."""
    files, named = list(metafiles), list(regressions)
    for path in sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")]):
        kind = _kind(path)
        if kind is not None:
            {"metafile": files, "regression": named}[kind].append(path)
    found.regressions += {path.resolve(): path for path in named}.values()
    for path in metafiles:
        found.metafiles.files(path)  # one that was named must be one
    return list(_usable_models(found.metafiles, files, found.left_out))


def _kind(path: Path) -> str | None:
    """What a YAML file is; None for one that is of no use here."""
    if path.name.endswith(ZOO_SUFFIX):
        return None
    try:
        data = read_yaml(path).data
    except ZooError:
        return None  # any YAML file may lie here; one that was named is read again and told
    if is_regression(data):
        return "regression"
    is_metafile = isinstance(data, dict) and ("Models" in data or "Import" in data)
    return "metafile" if is_metafile else None


def _usable_models(
    reader: Metafiles, files: Iterable[Path], left_out: list[str]
) -> Iterator[tuple[MetafileModel, str]]:
    """The models of metafiles that have a result of a task that can be evaluated, with the task."""
    paths: dict[Path, Path] = {}
    for index in {path.resolve(): path for path in files}.values():
        try:
            paths |= {path.resolve(): path for path in reader.files(index)}
            left_out += [f"{shown(index)}: {text}" for text in reader.unread(index)]
        except ConfigError as error:
            left_out.append(str(error))
    for path in paths.values():
        try:
            models = reader.models(path)
        except ConfigError as error:
            left_out.append(str(error))
            continue
        for model in models:
            task = _task_of(model)
            if task is not None:
                yield model, task


def results_of(model: MetafileModel) -> list[dict[str, object]]:
    """The results of a model, what is not a result left out."""
    results = model.data.get("Results")
    return [one for one in (results if isinstance(results, list) else [results]) if isinstance(one, dict)]


def _task_of(model: MetafileModel) -> str | None:
    metrics = [result.get("Metrics") for result in results_of(model)]
    names = {METRIC_NAMES.get(str(name)) for found in metrics if isinstance(found, dict) for name in found}
    for task in task_names():
        if names & get_task(task).metrics.keys():
            return task
    return None


def dataset_types_of(model: MetafileModel, task: str) -> list[str]:
    """The dataset types of a task that the results of a model are on."""
    names = [plain(str(result.get("Dataset"))) for result in results_of(model)]
    known = get_task(task).dataset_types
    return [kind for kind, spelled in DATASET_NAMES.items() if kind in known and set(spelled) & set(names)]


def match(published: Published, name: str) -> MetafileModel | None:
    """The model of a metafile that has this name, or a config file of this name, when there is just one."""

    def is_called(model: MetafileModel) -> bool:
        return name in (model.name, Path(str(model.data.get("Config"))).stem)

    found = [model for model, _ in published if is_called(model)]
    return found[0] if len(found) == 1 else None


def from_metafile(model: MetafileModel, task: str) -> Proposal | None:
    """An entry without anything but a name and published numbers: everything else is the user's.

    None for a model whose results are on datasets that no dataset type of the task can hold.
    """
    types = dataset_types_of(model, task) or ([_ANY_DATASET[task]] if task in _ANY_DATASET else [])
    if not types:
        return None
    draft = Draft()
    draft.put(task, "task")
    for side in ("fp32", "int8"):
        draft.problem(f"the files of the {side} net", (side, "param"), (side, "bin"))
    size = () if task == "text-detection" else (("input", "size"),)
    draft.problem(
        "the name of the input blob, and the preprocessing that the net was trained with",
        ("input", "blob"),
        *size,
        ("input", "mean"),
        ("input", "std"),
    )
    draft.problem("the name of the output blob", ("output",))
    if task == "text-detection":
        draft.problem("what decodes the output: pan, textsnake or db", ("postprocess", "decoder"))
    return Proposal(model.name, f"From {model.where}.", draft, types[0], model)
