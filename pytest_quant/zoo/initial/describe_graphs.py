"""ONNX, OpenVINO and LiteRT files that lie in a folder without any description, as the draft of a zoo entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError

from pytest_quant.extending.known import get_format
from pytest_quant.nets.graph_format import GraphFormat
from pytest_quant.spec.text import first_few, listed, shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.describe import NORMALIZATION, SIZE, put_arrays
from pytest_quant.zoo.initial.graph_files import GraphFile
from pytest_quant.zoo.initial.graph_models import GraphModel
from pytest_quant.zoo.initial.graph_task import put_task_of_graph
from pytest_quant.zoo.net_files import NetFile, put_net
from pytest_quant.zoo.onnx_beside import why_graph_not_run


def describe_graphs(model: GraphModel, fp32: GraphFile, ncnn_int8: NetFile | None, all_int8: Sequence[str]) -> Draft:
    """What the files of a model tell whose float net is ``fp32``; the rest are problems that only the user can settle.

    ``ncnn_int8``: its int8 net, where that is ncnn's; ``all_int8``: the quantized files of the folder, for the message
    where none is the model's.
    """
    draft = Draft()
    draft.put(dict(fp32.entry), "fp32")
    _input(draft, fp32)
    _put_size(draft, [fp32, model.int8, *model.further.values()])
    if ncnn_int8 is not None:
        _put_ncnn(draft, ncnn_int8)
    elif model.int8 is not None:
        _put_int8(draft, model.int8)
    else:
        found = first_few(all_int8) or "none"
        draft.problem(
            f"no quantized file is called like {fp32.path.name}; found {found}. Name it as {{{fp32.format}: FILE}}; or "
            f"write `fp32: {{onnx: ...}}` and `int8: {{calibrate: {{images: ...}}}}`, which make nets of ncnn",
            ("int8",),
        )
    put_further(draft, model)
    _tell_runtimes(draft, [fp32, model.int8, *model.further.values()])
    return draft


def put_graphs(draft: Draft, model: GraphModel) -> None:
    """Add to the draft of a pair of ncnn what other runtimes have of the same model."""
    _put_size(draft, [model.int8, *model.further.values()])
    if model.int8 is not None:
        draft.findings = [one for one in draft.findings if ("int8",) not in one.settled_by]
        _put_int8(draft, model.int8)
    put_further(draft, model)
    _tell_runtimes(draft, [model.int8, *model.further.values()])


def put_further(draft: Draft, model: GraphModel) -> None:
    """Put the further nets; one that does not fit is told in their place."""
    for name, file in model.further.items():
        refusal = why_graph_not_run(name, file.format, file.path, draft.entry)
        if refusal is None:
            draft.put(dict(file.entry), "nets", name)
        else:
            draft.note(f"{name} is left out: {refusal}", ("nets",))


def _put_int8(draft: Draft, file: GraphFile) -> None:
    refusal = why_graph_not_run("int8", file.format, file.path, draft.entry)
    if refusal is None:
        draft.put(dict(file.entry), "int8")
    else:
        draft.problem(refusal, ("int8",))


def _put_ncnn(draft: Draft, net: NetFile) -> None:
    """An int8 net of ncnn beside a float net of another runtime, which calls its blobs otherwise."""
    put_net(draft, "int8", net)
    inputs, outputs = net.facts.inputs, net.facts.outputs
    if "inputs" in draft.entry:
        own = dict(zip(inputs, draft.entry["inputs"].values(), strict=False))
        draft.put(own, "int8", "inputs")
    elif len(inputs) == 1:
        draft.put({"blob": inputs[0]}, "int8", "input")
    draft.put(outputs[0] if len(outputs) == 1 else list(outputs), "int8", "output")


def _input(draft: Draft, file: GraphFile) -> None:
    """The input, the output and the task of the model."""
    facts, image = file.facts, file.image
    outputs = [port.name for port in facts.outputs]
    if image is None:
        put_arrays(draft, file.path, [port.name for port in facts.inputs])
        draft.put(outputs[0] if len(outputs) == 1 else outputs, "output")
        return
    draft.put(facts.inputs[0].name, "input", "blob")
    if len(outputs) == 1:
        draft.put(outputs[0], "output")
    else:
        draft.problem(f"{shown(file.path)} has the outputs {listed(map(str, facts.outputs))}", ("output",))
    put_task_of_graph(draft, file)
    if image.channels == 1:
        draft.put("gray", "input", "color")
    draft.problem(SIZE, ("input", "size"))
    draft.problem(NORMALIZATION, ("input", "mean"), ("input", "std"))


def _put_size(draft: Draft, files: Iterable[GraphFile | None]) -> None:
    """The size that a file fixes, where nothing else has told it."""
    if "input" not in draft.entry or "size" in draft.entry["input"]:
        return
    for file in files:
        image = None if file is None else file.image
        if file is not None and image is not None and image.size is not None:
            draft.put(list(image.size), "input", "size")
            draft.findings = [one for one in draft.findings if one.text != SIZE]
            draft.note(f"the size that {file.path.name} takes, and no other", ("input", "size"))
            return


def _tell_runtimes(draft: Draft, files: Iterable[GraphFile | None]) -> None:
    """Which extras are still to be installed."""
    for name, known in _runtimes(files).items():
        try:
            known.version()
        except PackageNotFoundError:
            draft.note(
                f'nets of {name} take an extra that is not installed: pip install "pytest-quant[{known.extra}]"',
                ("nets",),
            )


def _runtimes(files: Iterable[GraphFile | None]) -> Mapping[str, GraphFormat]:
    def found() -> Iterator[tuple[str, GraphFormat]]:
        for file in files:
            known = None if file is None else get_format(file.format)
            if file is not None and isinstance(known, GraphFormat):
                yield file.format, known

    return dict(found())


def why_input_not_run(file: GraphFile) -> str | None:
    """Why the inputs of a file are none that a zoo file could feed, such as a fixed batch of 8; None where they are."""
    image = file.image
    names = {port.name: port.name for port in file.facts.inputs}
    color = "gray" if image is not None and image.channels == 1 else "rgb"
    entry = {"inputs": names} if image is None else {"input": {"color": color}}
    return why_graph_not_run("fp32", file.format, file.path, entry)
