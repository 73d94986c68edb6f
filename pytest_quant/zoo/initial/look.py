"""What lies in a folder: export folders, pairs of nets, metafiles and regression files to make a zoo file from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_quant.extending.known import get_task, task_names
from pytest_quant.spec.errors import ConfigError, ZooError
from pytest_quant.spec.text import shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.folders import LEVELS, folders
from pytest_quant.zoo.initial.pairs import describe_pair, nets_without_pair, pairs
from pytest_quant.zoo.metafile import MetafileModel, Metafiles
from pytest_quant.zoo.metric_names import DATASET_NAMES, METRIC_NAMES, plain
from pytest_quant.zoo.mmdeploy.folder import describe_folder, is_export_folder
from pytest_quant.zoo.net_files import find_nets
from pytest_quant.zoo.regression import is_regression
from pytest_quant.zoo.yaml_lines import read_yaml

_USUAL_DATASETS = {"text-detection": "icdar2015", "keypoints": "coco-keypoints"}
_DATASET_OF_CLASSES = {10: "cifar10", 1000: "imagenet"}
ZOO_SUFFIX = ".quant.yaml"


@dataclass(frozen=True)
class Proposal:
    """A model that a zoo file could have."""

    name: str
    source: str
    """What it was found in, for a comment."""
    draft: Draft
    dataset_type: str
    published: MetafileModel | None = None
    """The model of a metafile that it is."""
    above: tuple[str, ...] = ()
    """Its folder and those above it, up to the one that was looked at."""


@dataclass
class Found:
    """Everything that was found."""

    proposals: list[Proposal] = field(default_factory=list)
    regressions: list[Path] = field(default_factory=list)
    metafiles: Metafiles = field(default_factory=Metafiles)
    """Those that were read."""
    left_out: list[str] = field(default_factory=list)
    """What could not be used, and why."""


def look(folder: Path, metafiles: Sequence[Path] = (), regressions: Iterable[Path] = ()) -> Found:
    """Look at a folder and the folders below it; further metafiles and regression files may lie elsewhere.

    Raises `ConfigError` for a folder that is none, and when nothing is found that could be tested.
    """
    if not folder.is_dir():
        raise ConfigError(f"{shown(folder)} {'is no folder' if folder.exists() else 'does not exist'}")
    found = Found()
    published = _published(folder, metafiles, regressions, found)
    proposals: list[Proposal] = []
    for place in folders(folder, found.left_out):
        above = place.relative_to(folder).parts[::-1]
        for proposal in _in_folder(place, published, found.left_out):
            hopeless = [finding.text for finding in proposal.draft.findings if finding.fatal and not finding.settled_by]
            if hopeless:
                found.left_out.append(f"{shown(place)}: {'; '.join(hopeless)}")
            else:
                proposals.append(replace(proposal, above=above))
    if not proposals:
        proposals = [_from_metafile(model, task) for model, task in published]
    if not proposals:
        left_out = "".join(f"\n  {text}" for text in found.left_out)
        raise ConfigError(
            f"{shown(folder)}: found nothing to test: no export folder of mmdeploy, no .param file and no metafile, "
            f"neither in it nor {LEVELS} levels below it{left_out}"
        )
    found.proposals = with_own_names(proposals)
    return found


Published = list[tuple[MetafileModel, str]]


def _published(folder: Path, metafiles: Sequence[Path], regressions: Iterable[Path], found: Found) -> Published:
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


def results_of(model: MetafileModel) -> list[dict[str, Any]]:
    """The results of a model, those that are none left out."""
    results = model.data.get("Results")
    return [one for one in (results if isinstance(results, list) else [results]) if isinstance(one, dict)]


def _task_of(model: MetafileModel) -> str | None:
    metrics = [result.get("Metrics") for result in results_of(model)]
    names = {METRIC_NAMES.get(str(name)) for found in metrics if isinstance(found, dict) for name in found}
    for task in task_names():
        if names & get_task(task).metrics.keys():
            return task
    return None


def _dataset_types(model: MetafileModel, task: str) -> list[str]:
    names = [plain(str(result.get("Dataset"))) for result in results_of(model)]
    known = get_task(task).dataset_types
    return [kind for kind, spelled in DATASET_NAMES.items() if kind in known and set(spelled) & set(names)]


def _in_folder(folder: Path, published: Published, left_out: list[str]) -> Iterator[Proposal]:
    if is_export_folder(folder):
        try:
            yield _from_export(folder, published)
        except ConfigError as error:
            left_out.append(str(error))
        return
    nets = find_nets(folder)
    left_out += nets.damaged
    for fp32, int8 in pairs(nets):
        draft = describe_pair(fp32, int8, nets.int8_nets)
        name = folder.resolve().name if fp32.param.stem == "end2end" else fp32.param.stem
        features = next(iter(fp32.facts.output_features.values()), None)
        yield _proposal(name, f"From {shown(fp32.param)}.", draft, _match(published, name), features)
    left_out += [f"{shown(path)}: an int8 net, and no float net is called like it" for path in nets_without_pair(nets)]


def _from_export(folder: Path, published: Published) -> Proposal:
    config = _config_name(folder)
    model = _match(published, config or folder.resolve().name)
    draft = describe_folder(folder)
    nets = find_nets(folder)
    features = next((next(iter(net.facts.output_features.values()), None) for net in nets.nets), None)
    source = f"From the mmdeploy export {shown(folder)}."
    proposal = _proposal(folder.resolve().name, source, draft, model, features)
    return replace(proposal, draft=describe_folder(folder, dataset_type=proposal.dataset_type))


def _config_name(folder: Path) -> str | None:
    """What the training repository calls the model: the name of its config file, as detail.json has it."""
    try:
        detail = json.loads((folder / "detail.json").read_text(encoding="utf-8"))
        return Path(str(detail["codebase"]["config"])).stem
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _match(published: Published, name: str) -> MetafileModel | None:
    """The model of a metafile that has this name, or a config file of this name, when there is just one."""

    def is_called(model: MetafileModel) -> bool:
        return name in (model.name, Path(str(model.data.get("Config"))).stem)

    found = [model for model, _ in published if is_called(model)]
    return found[0] if len(found) == 1 else None


def _proposal(name: str, source: str, draft: Draft, published: MetafileModel | None, features: int | None) -> Proposal:
    task = str(draft.entry.get("task", ""))
    usual = _USUAL_DATASETS.get(task) or _DATASET_OF_CLASSES.get(features or 0, "image-list")
    if draft.entry.get("postprocess", {}).get("decoder") == "textsnake":
        usual = "ctw1500"
    types = _dataset_types(published, task) if published is not None and task else []
    return Proposal(name, source, draft, types[0] if len(types) == 1 else usual, published)


def _from_metafile(model: MetafileModel, task: str) -> Proposal:
    """An entry without anything but a name and published numbers: everything else is the user's."""
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
    types = _dataset_types(model, task)
    usual = _USUAL_DATASETS.get(task, "image-list")
    return Proposal(model.name, f"From {model.where}.", draft, types[0] if types else usual, model)


def with_own_names(proposals: Sequence[Proposal]) -> list[Proposal]:
    """The proposals under names that a zoo file may have; those of one name get that of their folder in front."""
    counts = Counter(_legal(one.name) for one in proposals)
    taken: set[str] = set()
    named = []
    for one in proposals:
        plain_name = _legal(one.name)
        above = one.above[one.above[:1] == (one.name,) :]
        longer = [_legal("-".join([*above[:count][::-1], one.name])) for count in range(1, len(above) + 1)]
        numbered = [f"{plain_name}-{number}" for number in range(2, len(proposals) + 2)]
        candidates = [*longer, plain_name, *numbered] if counts[plain_name] > 1 else [plain_name, *longer, *numbered]
        name = next(name for name in candidates if name not in taken)
        taken.add(name)
        named.append(replace(one, name=name))
    return named


def _legal(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).lstrip("._+-") or "model"
