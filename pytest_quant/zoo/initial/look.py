"""What lies in a folder: export folders, pairs of nets, metafiles and regression files to make a zoo file from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_quant.nets.ncnn.load_check import check_loads
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import first_few, listed, shown
from pytest_quant.spec.whole_file import whole_file
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.describe import describe_pair
from pytest_quant.zoo.initial.describe_graphs import describe_graphs, put_graphs, why_input_not_run
from pytest_quant.zoo.initial.folders import places
from pytest_quant.zoo.initial.graph_files import GraphFile, find_graph_files, graph_suffixes
from pytest_quant.zoo.initial.graph_models import GraphModel, GraphModels
from pytest_quant.zoo.initial.graph_task import classes_of
from pytest_quant.zoo.initial.names import base_name, plain_name
from pytest_quant.zoo.initial.pairs import Pair, pair_up
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
        suffixes = (".param", *graph_suffixes())
        left_out = "".join(f"\n  {text}" for text in found.left_out)
        raise ConfigError(
            f"{shown(folder)}: found nothing to test: no export folder of mmdeploy, no net ({listed(suffixes)}) and no "
            f"metafile, neither in it nor below it{left_out}"
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
    graphs: list[GraphFile] = []
    order: list[Path] = []
    suffixes = graph_suffixes()
    for place in places(folder, left_out):
        if is_export_folder(place.path) if place.has(".json") else False:
            order.append(place.path)
            try:
                exports[place.path] = _from_export(place.path, published)
            except ConfigError as error:
                left_out.append(str(error))
        elif any(map(place.has, (".param", *suffixes))):
            order.append(place.path)
            nets[place.path] = _loadable(find_nets(place.path), left_out)
            graphs += find_graph_files(place, left_out)
    found = [*_of_nets(folder, nets, graphs, published, left_out), *exports.items()]
    yield from sorted(found, key=lambda one: order.index(one[0]))


def _of_nets(
    folder: Path,
    nets: Mapping[Path, FolderOfNets],
    graphs: Sequence[GraphFile],
    published: Published,
    left_out: list[str],
) -> Iterator[tuple[Path, Proposal]]:
    """The models of nets without a description: those whose float net ncnn has, then the others."""
    pairs = pair_up(folder, list(nets.values()))
    refused = {file.path: refusal for file in graphs if (refusal := why_input_not_run(file)) is not None}
    left_out += refused.values()
    usable = [file for file in graphs if file.path not in refused and not _is_source(file, pairs.pairs)]
    models = GraphModels(folder, usable, [pair.fp32 for pair in pairs.pairs])
    for pair in pairs.pairs:
        path = pair.fp32.param.parent
        others = GraphModel(None, None) if pair.is_further else models.take(pair.fp32, has_int8=pair.int8 is not None)
        left_out += [_told_of_same(file) for file in others.same]
        yield path, _from_pair(pair, nets[path], others, published)
    alone = [net for net in pairs.alone if models.has_float(net)]
    set_aside = [net for net in pairs.alone if net not in alone]
    left_out += [f"{shown(net.param)}: an int8 net, and no float net is like it" for net in set_aside]
    left_out += [f"{shown(net.param)}: another form of a float net that has an int8 net" for net in pairs.same]
    int8s = [file.path.name for file in usable if file.is_quantized]
    for model, ncnn in models.rest(alone):
        left_out += [_told_of_same(file) for file in model.same]
        if model.fp32 is None:
            quantized = [model.int8, *model.further.values()]
            left_out += [
                f"{shown(file.path)}: a quantized net, and no float net is like it" for file in quantized if file
            ]
        else:
            yield model.fp32.path.parent, _from_graphs(model, model.fp32, ncnn, int8s, published)


def _is_source(file: GraphFile, pairs: Iterable[Pair]) -> bool:
    """Whether a net of ncnn was converted from it, by its name: then it stands under `onnx`."""
    return any(pair.fp32.param.with_suffix(".onnx") == file.path for pair in pairs)


def _told_of_same(file: GraphFile) -> str:
    return f"{shown(file.path)}: another form of a float net that is there"


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


def _from_pair(pair: Pair, nets: FolderOfNets, others: GraphModel, published: Published) -> Proposal:
    draft = describe_pair(pair, nets.int8_nets)
    put_graphs(draft, others)
    param = pair.fp32.param
    name = param.parent.resolve().name if param.stem == "end2end" else param.stem
    if pair.is_further and pair.int8 is not None:
        name = base_name(pair.int8.param.stem)
    features = next(iter(pair.fp32.facts.output_features.values()), None)
    return _proposal(name, f"From {shown(param)}.", draft, match(published, name), features)


def _from_graphs(
    model: GraphModel, fp32: GraphFile, ncnn: NetFile | None, int8s: Sequence[str], published: Published
) -> Proposal:
    name = plain_name(fp32.path.stem) or plain_name(fp32.path.parent.resolve().name) or "model"
    draft = describe_graphs(model, fp32, ncnn, int8s)
    return _proposal(name, f"From {shown(fp32.path)}.", draft, match(published, name), classes_of(fp32))


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
        detail: Any = parse_json(whole_file(folder / "detail.json"))
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
