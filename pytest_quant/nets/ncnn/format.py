"""The format ``ncnn``: ``{param, bin, table}``."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from pytest_quant.nets.base import Runner
from pytest_quant.nets.format import NetFormat, NetKeys, StaticFacts
from pytest_quant.nets.known_facts import KNOWN, Bytes, key_of
from pytest_quant.nets.ncnn.files.facts import NetFacts, inspect_net, net_facts
from pytest_quant.nets.ncnn.files.finding import Finding
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.grouped import WHY, garbled_layers
from pytest_quant.nets.ncnn.files.input_hints import InputHint
from pytest_quant.nets.ncnn.files.lint import lint_scales, lint_scales_beside
from pytest_quant.nets.ncnn.files.other_on_arm import SATURATES, saturating_layers
from pytest_quant.nets.ncnn.files.param import Param, parse_param, read_param, read_text, without_names
from pytest_quant.nets.ncnn.files.weights import Weights, mapped, walk, walk_bytes
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.nets.ncnn.options import PACKING, net_options
from pytest_quant.nets.remote.targets import target_of
from pytest_quant.spec.environment import version_of
from pytest_quant.spec.errors import ConfigError, ModelFileError
from pytest_quant.spec.net import ModelNet
from pytest_quant.spec.text import first_few, listed, shown, suggestion


class NcnnFormat(NetFormat):
    """Nets of ncnn, whose file formats are known whole: most of what is wrong is told without running them."""

    keys: ClassVar[type[NetKeys]] = NcnnFiles
    stands_flat: ClassVar[bool] = True
    int8_keys: ClassVar[frozenset[str]] = frozenset({"table"})
    condition_names: ClassVar[tuple[str, ...]] = ("packing", "target")
    runs_on_targets: ClassVar[bool] = True

    def version(self) -> str:
        """Of the ncnn wheel."""
        return version_of("ncnn")

    def files(self, net: ModelNet) -> Mapping[str, Path]:
        """The two files of the net, and its table."""
        files = net_files(net)
        found = {".param": files.param, ".bin": files.bin}
        return found if files.table is None else {**found, ".table": files.table}

    def key(self, net: ModelNet, digests: Mapping[str, str]) -> Mapping[str, object]:
        """A table changes nothing any more once the net is made."""
        there = None if net.target is None else target_of(net.target).facts
        return {
            **({} if there is None else {"target": [there.machine, there.system, *there.isa]}),
            "ncnn": self.version() if there is None else there.ncnn,
            "runtime": net.runtime,
            "options": net_options(net_files(net).param, net.runtime, None if there is None else there.machine),
            "input": input_blob(net),
            **({"inputs": list(map(list, net.input_names))} if net.input_names else {}),
            "names": net.output_names,
            "param": digests[".param"],
            "bin": digests[".bin"],
        }

    def inspect(self, net: ModelNet) -> StaticFacts:
        """Walk both files byte by byte, and follow what the entry says of the input through the layers."""
        files = net_files(net)
        text = read_text(files.param)
        key = key_of([NCNN, *_asked(net)], text)
        try:
            with mapped(files.bin) as data:
                return KNOWN.find(key, data, lambda seen: _static_facts(net, text, seen))
        except ModelFileError:
            inspect_net(files.param, files.bin, follow=False)  # what is wrong with the .param is told before the .bin
            raise

    def warning(self, net: ModelNet) -> str:
        """Layers that ncnn computes wrongly in int8, or otherwise on the device."""
        files = net_files(net)
        names = [name for layers in inspect_net(files.param, files.bin).quantized.values() for name in layers]
        param = read_param(files.param)
        found = ((garbled_layers(param, names), WHY), (saturating_layers(param), SATURATES))
        return "; ".join(f"{first_few(layers)}: {why}" for layers, why in found if layers)

    def faults(self, net: ModelNet) -> tuple[str, ...]:
        """Scales that clip or erase everything, by the rules for tables."""
        files = net_files(net)
        return _errors(lint_scales(walk(read_param(files.param), files.bin)))

    def faults_beside(self, net: ModelNet, fp32: ModelNet) -> tuple[str, ...]:
        """Scales that take away weights which fp32 has, where that is a net of ncnn, too."""
        if fp32.format != net.format:
            return ()
        files, float_files = net_files(net), net_files(fp32)
        param = read_param(float_files.param)
        weights, float_weights = walk(read_param(files.param), files.bin), walk(param, float_files.bin)
        return _errors(lint_scales_beside(weights, param, float_weights))

    def conditions(self, net: ModelNet) -> Mapping[str, object]:
        """Whether ncnn packs channels (not where x86 computes int8 otherwise than ARM), and the machine."""
        there = None if net.target is None else target_of(net.target).facts
        options = net_options(net_files(net).param, net.runtime, None if there is None else there.machine)
        packing = options.get(PACKING, True)
        return {"packing": packing} if there is None else {"packing": packing, "target": there.kind}

    def open(self, net: ModelNet) -> Runner:
        """Load it, here or on its target."""
        if net.target is not None:
            from pytest_quant.nets.ncnn.remote import open_there

            return open_there(net, target_of(net.target))
        from pytest_quant.nets.ncnn.opening import open_ncnn

        return open_ncnn(net)

    def told_by(self, target: str) -> str:
        """As the target tells."""
        return target_of(target).facts.runtime

    def instruction_sets(self) -> tuple[str, ...]:
        """As ncnn itself tells."""
        from pytest_quant.nets.ncnn.ncnn_net import ncnn_isa

        return ncnn_isa()


def _errors(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(f"{one.layer}: {one.message}" for one in findings if one.severity == "error")


def _static_facts(net: ModelNet, text: str, data: Bytes) -> StaticFacts:
    """Of a net's two files. Whatever this depends on is part of the key that it is known by."""
    files = net_files(net)
    param = parse_param(files.param, text)
    weights = walk_bytes(param, files.bin, data)
    return KNOWN.once((without_names(files.param, text), *_asked(net)), lambda: _facts_of_layers(net, param, weights))


def _asked(net: ModelNet) -> tuple[Hashable, ...]:
    """What the entry says of the net, and its files have to fit."""
    return input_blob(net), net.input_names, net.input.size, net.input.channels, net.outputs, output_blobs(net)


def _facts_of_layers(net: ModelNet, param: Param, weights: Weights) -> StaticFacts:
    """What follows from the layers, whatever the weights are and the layers are called."""
    facts = net_facts(param, weights, follow=False)
    _check_input(net, facts)
    _check_outputs(net, facts)
    width, height = net.input.size or (None, None)
    check_flow(param, {input_blob(net): (net.input.channels, height, width)}, output_blobs(net))
    features = dict(zip(output_blobs(net), net.outputs, strict=True))
    return StaticFacts(
        quantized={name: len(layers) for name, layers in facts.quantized.items()},
        quantizable={name: len(layers) for name, layers in facts.quantizable.items()},
        output_channels={features[blob]: count for blob, count in facts.output_features.items() if blob in features},
        notes=(*facts.notes, *_ignored_hints(net, facts)),
    )


def input_blob(net: ModelNet) -> str:
    """The input of an ncnn net: the entry always names one."""
    return net.input.blob if net.input_name is None else net.input_name


def array_blobs(net: ModelNet) -> tuple[str, ...]:
    """The inputs of an ncnn net that is fed arrays: those that the entry names, else those of fp32's names."""
    return tuple(own or name for name, own in net.input_names)


def output_blobs(net: ModelNet) -> tuple[str, ...]:
    """The blobs that are the model's outputs."""
    return net.outputs if net.output_names is None else net.output_names


def check_kept_float(net: ModelNet, keep_float: tuple[str, ...]) -> None:
    """Raise `ConfigError` where the layers that are to stay float are not there, or are all of ``net``."""
    files = net_files(net)
    known = [name for layers in inspect_net(files.param, files.bin).quantizable.values() for name in layers]
    for name in keep_float:
        if name not in known:
            raise ConfigError(
                f"int8.calibrate.keep_float: {shown(files.param)} has no layer {name!r} that could be int8."
                f"{suggestion(name, known)}"
            )
    if known and not set(known) - set(keep_float):
        raise ConfigError(
            "int8.calibrate.keep_float names every layer that could be int8, so nothing would be quantized"
        )


def net_files(net: ModelNet) -> NcnnFiles:
    """The files of a net of this format."""
    if not isinstance(net.entry, NcnnFiles):
        raise TypeError(f"{net.name} holds {net.entry!r}, expected files of ncnn")
    return net.entry


def _param(net: ModelNet) -> str:
    """Its ``.param`` as messages print it."""
    return shown(net_files(net).param)


def _check_input(net: ModelNet, facts: NetFacts) -> None:
    if net.input_names:
        _check_arrays(net, facts)
        return
    blob = input_blob(net)
    if len(facts.inputs) > 1:
        raise ConfigError(
            f"{net.name}: {_param(net)} has {len(facts.inputs)} inputs ({listed(facts.inputs)}), expected one; "
            "a net of several inputs is fed arrays, by `inputs` in the place of `input`"
        )
    if blob not in facts.inputs:
        raise ConfigError(
            f"input.blob: found {blob!r}, expected the input of {_param(net)} ({net.name}): "
            f"{listed(facts.inputs) or 'none'}"
        )
    channels = facts.input_channels.get(blob)
    if channels is not None and channels != net.input.channels:
        raise ConfigError(
            f"input.color: {net.input.color} gives {net.input.channels} channels, "
            f"{_param(net)} ({net.name}) takes {channels} in {blob!r}"
        )


def _check_arrays(net: ModelNet, facts: NetFacts) -> None:
    """Every input is fed, and nothing else."""
    param, named = shown(net_files(net).param), array_blobs(net)
    unknown = [blob for blob in named if blob not in facts.inputs]
    if unknown:
        raise ConfigError(
            f"inputs: {param} ({net.name}) has no input {listed(unknown)}.{suggestion(unknown[0], facts.inputs)} Its "
            f"inputs: {listed(facts.inputs) or 'none'}"
        )
    unfed = [blob for blob in facts.inputs if blob not in named]
    if unfed:
        raise ConfigError(
            f"inputs: nothing is said of {listed(unfed)}, expected an array for each input of {param} ({net.name}): "
            f"{listed(facts.inputs)}"
        )


def _ignored_hints(net: ModelNet, facts: NetFacts) -> Iterator[str]:
    if net.input_names:
        return
    blob, size, channels = input_blob(net), net.input.size, net.input.channels
    hint = facts.input_hints.get(blob, InputHint())
    if hint.size is not None and size is not None and hint.size != size:
        yield (
            f"the Input layer hints at {hint.size[0]}x{hint.size[1]} (width x height), input.size is {list(size)}: "
            "ncnn ignores the hint"
        )
    if hint.channels is not None and hint.channels != channels and blob not in facts.input_channels:
        yield (
            f"the Input layer hints at {hint.channels} channels, input.color {net.input.color} gives {channels}: "
            "ncnn ignores the hint, and no weights prove it"
        )


def _check_outputs(net: ModelNet, facts: NetFacts) -> None:
    for output in output_blobs(net):
        if output not in facts.blobs:
            raise ConfigError(
                f"output: {_param(net)} ({net.name}) has no blob {output!r}.{suggestion(output, facts.blobs)} "
                f"Its last blobs: {listed(facts.outputs)}"
            )
