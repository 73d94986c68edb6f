"""A guess at the task of a graph from the shapes of its outputs, which says so."""

from __future__ import annotations

from pytest_quant.extending.known import task_names
from pytest_quant.nets.binding import channels_first
from pytest_quant.nets.ports import Layout, Port
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.initial.graph_files import GraphFile
from pytest_quant.zoo.initial.guess import EMBEDDING_SIZES, POSE_CHANNELS, Guess, put_guess


def put_task_of_graph(draft: Draft, file: GraphFile) -> None:
    """Put the task that a graph of one image seems to be of into a draft; else say that only the user knows."""
    image = file.image
    layout: Layout = "nchw" if image is None else image.layout
    put_guess(draft, _guess(file, layout), file.path)


def classes_of(file: GraphFile) -> int | None:
    """How many scores it gives for an image; None where that is not what it gives."""
    return _vector(file.facts.outputs[0]) if len(file.facts.outputs) == 1 else None


def _guess(file: GraphFile, layout: Layout) -> Guess | str:
    outputs, name = file.facts.outputs, file.path.name
    if len(outputs) != 1:
        return f"the {len(outputs)} outputs of {name} do not tell the task"
    classes = _vector(outputs[0])
    if classes in EMBEDDING_SIZES:
        return f"the output of {name} may be an embedding of {classes} numbers, as of faces, and not scores of classes"
    if classes is not None and classes > 1:
        return Guess("classification", f"the {classes} classes at the end")
    shape = outputs[0].shape
    if shape is not None and len(shape) == 4 and channels_first(shape[-3:], layout)[0] == POSE_CHANNELS:
        return Guess("keypoints", f"the {POSE_CHANNELS} output channels", "heatmap")
    known = ", ".join(one for one in task_names() if one != "outputs")
    return f"the output {outputs[0]} of {name} does not tell the task: {known}; or outputs, for its numbers as they are"


def _vector(port: Port) -> int | None:
    """The size of an output that is one number for each class."""
    if port.shape is None or not port.is_real:
        return None
    shape = port.shape[1:] if len(port.shape) > 1 and port.shape[0] in (1, None) else port.shape
    sizes = [size for size in shape if size != 1]
    return sizes[0] if len(sizes) == 1 and (len(shape) == 1 or shape in ((sizes[0], 1, 1), (1, 1, sizes[0]))) else None
