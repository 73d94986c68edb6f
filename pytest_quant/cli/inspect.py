"""``pytest-quant inspect``: what a network's files say."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_quant.cli.types import SubParsers
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.text import listed

if TYPE_CHECKING:
    from pytest_quant.nets.ncnn.files import NetFacts, Param


NetJson = Mapping[str, Any]
"""What `--json` prints of a net, or a part of it."""


def add_parser(subparsers: SubParsers) -> None:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "inspect",
        help="Tell what a network's files say",
        description="Check a .param and its .bin byte for byte and list inputs, outputs, layers and which of them are "
        "int8. Nothing is run, unless --size asks for the multiply-accumulates of one input.",
    )
    parser.add_argument("param", type=Path, metavar="PARAM", help="The network's .param")
    parser.add_argument("bin", type=Path, nargs="?", metavar="BIN", help="Its .bin; without it only the .param is read")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("WIDTH", "HEIGHT"),
        help="Size of an input: count the multiply-accumulates of convolutions and inner products",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the facts of a network."""
    if args.size is not None and (args.bin is None or min(args.size) < 1):
        raise ConfigError("--size takes a width and a height above 0, and needs BIN: the network is run once")
    facts = facts_json(args.param, args.bin, args.size)
    print(json.dumps(facts, indent=2) if args.json else "\n".join(_lines(facts)))
    return 0


def facts_json(param_path: Path, bin_path: Path | None, size: Sequence[int] | None = None) -> NetJson:
    """What ``--json`` prints; ``size`` is width and height of an input.

    Raises:
        ModelFileError: a file is missing, damaged or of another model.
        RunnerError: the network does not take an input of that size.

    """
    from pytest_quant.nets.ncnn.files import net_facts, read_param, walk
    from pytest_quant.nets.ncnn.load_check import check_loads

    param = read_param(param_path)
    lacking = check_loads(param)
    facts = net_facts(param, None if bin_path is None else walk(param, bin_path))
    quantized = {name for names in facts.quantized.values() for name in names}
    kept = {kind: [name for name in names if name not in quantized] for kind, names in facts.quantizable.items()}
    macs = None if size is None or bin_path is None else _macs(param, bin_path, facts, size)
    return {
        "param": _file(param_path),
        "bin": None if bin_path is None else _file(bin_path),
        "inputs": {
            blob: {"channels": facts.input_channels.get(blob), "hint": asdict(facts.input_hints[blob])}
            for blob in facts.inputs
        },
        "outputs": {blob: {"features": facts.output_features.get(blob)} for blob in facts.outputs},
        "layers": dict(Counter(layer.type for layer in param.layers).most_common()),
        "int8": {kind: list(names) for kind, names in facts.quantized.items()},
        "float": {kind: names for kind, names in kept.items() if names},
        "storage": dict(sorted(facts.storage.items())),
        "unknown_types": list(facts.unknown_types),
        "macs": macs,
        "notes": [
            *facts.notes,
            *([f"this ncnn has no layer {listed(lacking)}: it needs a build of your own"] if lacking else []),
        ],
    }


def _macs(param: Param, bin_path: Path, facts: NetFacts, size: Sequence[int]) -> dict[str, int]:
    """Multiply-accumulates by layer, for one input of that width and height."""
    import numpy as np

    from pytest_quant.nets.ncnn.blobs import BlobExtractor
    from pytest_quant.nets.ncnn.files.macs import multiply_accumulates

    if facts.unknown_types or len(facts.inputs) != 1:
        why = (
            f"layers of unknown type ({listed(facts.unknown_types)})" if facts.unknown_types else "more than one input"
        )
        raise ConfigError(f"--size: {param.path} has {why}: it cannot be run for it")
    channels = facts.input_channels.get(facts.inputs[0]) or 3
    shape = (channels, size[1], size[0])
    zeros = np.zeros(shape, np.float32)
    blobs = [blob for blob in param.blobs if param.producer[blob].type != "Input"]
    _try(param, bin_path, facts, shape)
    shapes = {name: array.shape for name, array in BlobExtractor(param.path, bin_path)(zeros, blobs)}
    shapes[facts.inputs[0]] = zeros.shape
    counted = {
        layer.name: multiply_accumulates(layer, [shapes[b] for b in layer.bottoms], [shapes[t] for t in layer.tops])
        for layer in param.layers
        if layer.type != "Input"
    }
    return {name: count for name, count in counted.items() if count is not None}


def _try(param: Param, bin_path: Path, facts: NetFacts, shape: tuple[int, int, int]) -> None:
    """Follow the input through the layers, then have a child process run the net, which may die of it."""
    from pytest_quant.evaluation.trials import Trials
    from pytest_quant.nets.ncnn.files.flow import check_flow
    from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
    from pytest_quant.spec.net import InputSpec, ModelNet

    blob = facts.inputs[0]
    check_flow(param, {blob: shape}, facts.outputs)
    taken = InputSpec(blob, (shape[2], shape[1]), "gray" if shape[0] == 1 else "rgb", (0.0,) * 3, (1.0,) * 3)
    files = NcnnFiles(param=param.path, bin=bin_path)
    Trials().require(ModelNet("net", NCNN, files, taken, tuple(facts.outputs)), shape)


def _file(path: Path) -> dict[str, object]:
    return {"path": path.as_posix(), "size_bytes": path.stat().st_size}


def _lines(facts: NetJson) -> Iterator[str]:
    files = [file for file in (facts["param"], facts["bin"]) if file is not None]
    yield from (f"{'file':<9}{file['path']}, {file['size_bytes']} bytes" for file in files)
    for key, of_blob in (("inputs", _shape), ("outputs", _features)):
        yield f"{key:<9}" + listed(f"{blob}{of_blob(told)}" for blob, told in facts[key].items())
    layers = facts["layers"]
    yield f"{'layers':<9}{sum(layers.values())}: " + listed(f"{kind} {count}" for kind, count in layers.items())
    yield from _precision(facts["int8"], facts["float"])
    if facts["storage"]:
        yield f"{'arrays':<9}" + listed(f"{storage} {count}" for storage, count in facts["storage"].items())
    if facts["macs"] is not None:
        int8 = {name for names in facts["int8"].values() for name in names}
        total = sum(facts["macs"].values())
        share = sum(count for name, count in facts["macs"].items() if name in int8) / total if total else 0.0
        yield f"{'macs':<9}{total / 1e6:.1f} million in convolutions and inner products, {share:.1%} of them int8"
    if facts["unknown_types"]:
        yield f"{'unknown':<9}{listed(facts['unknown_types'])}: the .bin is not checked from the first of them on"
    yield from (f"{'note':<9}{note}" for note in facts["notes"])


def _precision(int8: Mapping[str, list[str]], kept: Mapping[str, list[str]]) -> Iterator[str]:
    quantized = sum(map(len, int8.values()))
    if not quantized:
        yield f"{'int8':<9}none: a float network"
        return
    yield f"{'int8':<9}{quantized}: " + listed(f"{kind} {len(names)}" for kind, names in int8.items())
    if kept:
        left = listed(f"{kind} {listed(names)}" for kind, names in kept.items())
        yield f"{'float':<9}{sum(map(len, kept.values()))} that could be int8: {left}"


def _shape(told: NetJson) -> str:
    channels = f"{told['channels']} channels" if told["channels"] else "any channels"
    size, of_hint = told["hint"]["size"], told["hint"]["channels"]
    hints = [f"{size[0]}x{size[1]}"] if size else []
    hints += [f"{of_hint} channels"] if of_hint and not told["channels"] else []
    return f" ({channels}, any size{f'; hint: {listed(hints)}' if hints else ''})"


def _features(told: NetJson) -> str:
    return f" ({told['features']} features)" if told["features"] else ""
