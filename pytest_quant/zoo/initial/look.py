"""What lies in a folder: export folders, pairs of nets, metafiles and regression files to make a zoo file from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_quant.nets.ncnn.load_check import check_loads
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import first_few, shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.describe import describe_pair
from pytest_quant.zoo.initial.folders import Place, places
from pytest_quant.zoo.initial.pairs import Pair, base_name, pair_up
from pytest_quant.zoo.initial.proposal import Found, Proposal, with_own_names
from pytest_quant.zoo.initial.published import Published, dataset_types_of, from_metafile, match, read_published
from pytest_quant.zoo.metafile import MetafileModel
from pytest_quant.zoo.mmdeploy.folder import describe_folder, is_export_folder
from pytest_quant.zoo.net_files import FolderOfNets, NetFile, find_nets

_USUAL_DATASETS = {
    "text-detection": "icdar2015",
    "keypoints": "coco-keypoints",
    "object-detection": "coco-detection",
    "semantic-segmentation": "segmentation",
    "text-recognition": "text-lines",
    "outputs": "arrays",
}
_DATASET_OF_CLASSES = {10: "cifar10", 1000: "imagenet"}


def look(folder: Path, metafiles: Sequence[Path] = (), regressions: Iterable[Path] = ()) -> Found:
    """Look at a folder and the folders below it; further metafiles and regression files may lie elsewhere.

    Raises `ConfigError` for what is not a folder, and when nothing is found that could be tested.
    """
    if not folder.is_dir():
        raise ConfigError(f"{shown(folder)} {'is not a folder' if folder.exists() else 'does not exist'}")
    found = Found()
    published = read_published(folder, metafiles, regressions, found)
    proposals = list(_sound(_in_places(folder, published, found.left_out), folder, found.left_out))
    if not proposals:
        proposals = _of_metafiles(published, found.left_out)
    if not proposals:
        left_out = "".join(f"\n  {text}" for text in found.left_out)
        raise ConfigError(
            f"{shown(folder)}: found nothing to test: no export folder of mmdeploy, no .param file and no metafile, "
            f"neither in it nor below it{left_out}"
        )
    found.proposals = with_own_names(proposals)
    return found


def _sound(found: Iterable[tuple[Path, Proposal]], folder: Path, left_out: list[str]) -> Iterator[Proposal]:
    """Those that a user can complete, with the folders above them."""
    for place, proposal in found:
        hopeless = [finding.text for finding in proposal.draft.findings if finding.fatal and not finding.settled_by]
        if hopeless:
            left_out.append(f"{shown(place)}: {'; '.join(hopeless)}")
        else:
            yield replace(proposal, above=place.relative_to(folder).parts[::-1])


def _of_metafiles(published: Published, left_out: list[str]) -> list[Proposal]:
    """Entries for models of which there are numbers alone."""
    proposals, names = [], []
    for model, task in published:
        proposal = from_metafile(model, task)
        if proposal is None:
            names.append(model.name)
        else:
            proposals.append(proposal)
    if names:
        left_out.append(
            f"{len(names)} models with results on datasets that no dataset type here can hold: {first_few(names)}"
        )
    return proposals


def _in_places(folder: Path, published: Published, left_out: list[str]) -> Iterator[tuple[Path, Proposal]]:
    """What lies in the folders, in their order; nets are paired across them."""
    exports: dict[Path, Proposal] = {}
    nets: dict[Path, FolderOfNets] = {}
    order: list[Path] = []
    for place in places(folder, left_out):
        if not _is_of_interest(place):
            continue
        order.append(place.path)
        if is_export_folder(place.path):
            try:
                exports[place.path] = _from_export(place.path, published)
            except ConfigError as error:
                left_out.append(str(error))
        else:
            nets[place.path] = _loadable(find_nets(place.path), left_out)
    pairs = pair_up(folder, list(nets.values()))
    for path in order:
        if path in exports:
            yield path, exports[path]
        for pair in pairs.pairs:
            if pair.fp32.param.parent == path:
                yield path, _from_pair(pair, nets[path], published)
    left_out += [f"{shown(net.param)}: an int8 net, and no float net is like it" for net in pairs.alone]
    left_out += [f"{shown(net.param)}: another form of a float net that has an int8 net" for net in pairs.same]


def _is_of_interest(place: Place) -> bool:
    return place.has(".param") or (place.has(".json") and is_export_folder(place.path))


def _loadable(nets: FolderOfNets, left_out: list[str]) -> FolderOfNets:
    """Without the nets that ncnn itself refuses."""
    left_out += nets.damaged

    def is_loadable(net: NetFile) -> bool:
        try:
            check_loads(net.net)
        except ModelFileError as error:
            left_out.append(str(error))
            return False
        return True

    floats, int8s = (tuple(filter(is_loadable, some)) for some in (nets.float_nets, nets.int8_nets))
    return replace(nets, float_nets=floats, int8_nets=int8s)


def _from_pair(pair: Pair, nets: FolderOfNets, published: Published) -> Proposal:
    draft = describe_pair(pair, nets.int8_nets)
    param = pair.fp32.param
    name = param.parent.resolve().name if param.stem == "end2end" else param.stem
    if pair.is_further and pair.int8 is not None:
        name = base_name(pair.int8.param.stem)
    features = next(iter(pair.fp32.facts.output_features.values()), None)
    return _proposal(name, f"From {shown(param)}.", draft, match(published, name), features)


def _from_export(folder: Path, published: Published) -> Proposal:
    config = _config_name(folder)
    model = match(published, config or folder.resolve().name)
    draft = describe_folder(folder)
    nets = find_nets(folder)
    features = next((next(iter(net.facts.output_features.values()), None) for net in nets.nets), None)
    source = f"From the mmdeploy export {shown(folder)}."
    proposal = _proposal(folder.resolve().name, source, draft, model, features)
    return replace(proposal, draft=describe_folder(folder, dataset_type=proposal.dataset_type))


def _config_name(folder: Path) -> str | None:
    """What the training repository calls the model: the name of its config file, as detail.json has it."""
    try:
        detail: Any = parse_json((folder / "detail.json").read_bytes())
        return Path(str(detail["codebase"]["config"])).stem
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _proposal(name: str, source: str, draft: Draft, published: MetafileModel | None, features: int | None) -> Proposal:
    task = str(draft.entry.get("task", ""))
    usual = _USUAL_DATASETS.get(task) or _DATASET_OF_CLASSES.get(features or 0, "image-list")
    if draft.entry.get("postprocess", {}).get("decoder") == "textsnake":
        usual = "ctw1500"
    types = dataset_types_of(published, task) if published is not None and task else []
    if published is not None and task == "keypoints" and not types:
        draft.problem(f"{published.where}: the results of {published.name} are on no dataset that can be read here")
    return Proposal(name, source, draft, types[0] if len(types) == 1 else usual, published)
