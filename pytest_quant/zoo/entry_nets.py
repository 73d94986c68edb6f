"""All nets of a model entry: read, named, and held against the entry by what their files say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from pytest_quant.evaluation.net_checks import check_calibration, check_conversion, check_net, check_nets
from pytest_quant.judging.limits import KINDS
from pytest_quant.spec.errors import ConfigError, MissingFileError, ModelFileError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, ArrayInput, InputSpec, Net, NetSpec
from pytest_quant.spec.text import listed
from pytest_quant.zoo.entry_input import array_inputs, input_spec
from pytest_quant.zoo.net_entries import NetEntries, ReadArrays
from pytest_quant.zoo.places import Places
from pytest_quant.zoo.schema import MODEL_NAME, ArraysEntry, InputEntry, ModelEntry
from pytest_quant.zoo.yaml_lines import KeyPath

RESERVED_NET_NAMES = frozenset({*SIDES, *KINDS, "config", "zoo", "classes", "sanity", "size", "speedup"})
"""They begin the ids of other cases, or are keys of a model for nets."""


def nets_of(places: Places, keys: KeyPath, entry: ModelEntry) -> tuple[dict[Net, NetSpec], dict[Net, str]]:
    """Every net of an entry, in the order of the stages, and what is wrong with further ones that lack a file.

    Raises `ConfigError` for an entry that cannot be used.
    """
    read = NetEntries(places.document, places.file, own_arrays(places, entry), entry.inputs is not None)

    def own_input(place: KeyPath, changes: Mapping[str, object]) -> InputSpec:
        if entry.input is None:
            raise ConfigError(f"{places.where(place)}: the model is fed arrays: `inputs` says what this net calls them")
        known = entry.input.model_dump(exclude_unset=True)
        if {changes.get("color", entry.input.color), entry.input.color} == {"rgb", "bgr"}:
            known |= {key: known[key][::-1] for key in ("mean", "std") if known.get(key)}  # they follow the channels
        own = places.validated(place, InputEntry, {**known, **changes, "blob": known["blob"]})
        return input_spec(places, place, own)

    found: dict[Net, NetSpec] = {}
    if entry.onnx is not None:
        found["onnx"] = read.onnx((*keys, "onnx"), entry.onnx)
    found["fp32"] = read.net((*keys, "fp32"), entry.fp32)
    found["int8"] = read.net((*keys, "int8"), entry.int8, own_input)
    unusable: dict[Net, str] = {}

    def add(name: Net, read_it: Callable[[], NetSpec]) -> None:
        try:
            found[name] = read_it()
        except MissingFileError as error:
            unusable[name] = str(error)

    short = entry.onnx_int8
    if short is not None:
        add("onnx_int8", lambda: read.onnx((*keys, "onnx_int8"), short))
    for name, net in entry.nets.items():
        place = (*keys, "nets", name)
        _check_name(places, place, name, (*found, *unusable))
        add(name, partial(read.net, place, net, own_input))
    return found, unusable


def own_arrays(places: Places, entry: ModelEntry) -> ReadArrays:
    """Reads what a net calls the inputs of a model that is fed arrays."""

    def read(place: KeyPath, raw: ArraysEntry) -> tuple[ArrayInput, ...]:
        if entry.inputs is None:
            raise ConfigError(f"{places.where(place)}: goes with `inputs` of the model, which has `input`")
        known = {one.key for one in array_inputs(places, (), entry.inputs)}
        found = array_inputs(places, place, raw)
        for one in found:
            if one.key not in known:
                raise ConfigError(
                    f"{places.where((*place, one.name))}: found the key {one.key!r}, expected one that `inputs` of the "
                    f"model has: {listed(sorted(known))}"
                )
        return found

    return read


def _check_name(places: Places, place: KeyPath, name: Net, taken: Collection[Net]) -> None:
    """Case ids hold it, and it must not be one that means something else."""
    if name in taken:
        other = f"`{name}` of the model"
    elif name in RESERVED_NET_NAMES:
        other = "a kind of case"
    elif MODEL_NAME.fullmatch(name):
        return
    else:
        raise ConfigError(
            f"{places.where(place)}: found the name {name!r}, expected a letter or digit followed by "
            "letters, digits, '.', '_', '+' and '-'"
        )
    raise ConfigError(f"{places.where(place)}: the name is taken by {other}: give the net another name")


def with_checked_nets(places: Places, keys: KeyPath, entry: ModelEntry, model: ModelSpec) -> ModelSpec:
    """Hold what the files of all nets say against the entry; gives the model with notes of what is odd in them.

    A further net with a damaged file is left out of its nets. Raises `ConfigError` for the others, and for what does
    not fit the entry.
    """
    stands: dict[Net, KeyPath] = {name: (*keys, "nets", name) for name in entry.nets if name in model.nets}
    stands |= {name: (*keys, name) for name in model.nets if name not in stands}
    for name, place in stands.items():
        places.located((*place, "onnx"), check_conversion, model, name)
        places.located((*place, "calibrate"), check_calibration, model, name)
    notes = list(places.located(keys, check_nets, model))
    nets, unusable = dict(model.nets), dict(model.unusable)
    for name, place in stands.items():
        if name in SIDES:
            continue
        try:
            notes += places.located(place, check_net, model, name)
        except ModelFileError as error:
            unusable[name] = f"{places.where(place)}: {error}"
            if name == "onnx":
                raise ConfigError(unusable[name]) from None
            del nets[name]
    return replace(model, nets=nets, unusable=unusable, notes=(*model.notes, *notes))
