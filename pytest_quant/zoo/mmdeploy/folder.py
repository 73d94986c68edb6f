"""An export folder of mmdeploy as the entry of a model: what its JSON files say, held against its nets.

The JSON files are written before the conversion and do not know of ``--quant``; they can also be older than the nets
beside them. So nets are told apart by content, and what the JSON files say of the network is looked for in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.paths import is_file, is_folder
from pytest_quant.spec.text import listed, shown
from pytest_quant.zoo.draft import Draft
from pytest_quant.zoo.mmdeploy import decoders, detectors, recognizer, segmentor, transforms
from pytest_quant.zoo.mmdeploy.files import (
    JSON_NAMES,
    Deploy,
    Detail,
    Generation,
    Pipeline,
    PipelineTask,
    generation,
    read_json,
)
from pytest_quant.zoo.mmdeploy.training import resize_step
from pytest_quant.zoo.net_files import FolderOfNets, NetFile, find_nets, put_net, put_onnx, put_table

_TASKS = {
    "Classifier": "classification",
    "TextDetector": "text-detection",
    "PoseDetector": "keypoints",
    "Detector": "object-detection",
    "Segmentor": "semantic-segmentation",
    "TextRecognizer": "text-recognition",
}
"""The SDK's names of tasks."""


def is_export_folder(folder: Path) -> bool:
    """Whether a folder holds JSON files of mmdeploy."""
    return any((folder / name).is_file() for name in JSON_NAMES[:2])


def describe_folder(folder: Path, *, task: str | None = None, dataset_type: str | None = None) -> Draft:
    """Read an export folder.

    ``task`` is what the zoo file itself says, if it does. ``dataset_type`` is that of the dataset on which the model is
    evaluated: some keys follow from it.

    Raises `ConfigError` for what is not a folder, or whose JSON files cannot be read; everything else that is wrong
    with it is a finding of the draft.
    """
    files = _Files.read(folder)
    draft = Draft()
    nets = find_nets(folder)
    for text in nets.damaged:
        draft.note(f"{text}: this file is left out")
    task = _task(draft, files) or task or ""
    fp32, int8 = _fp32(draft, files, nets), _int8(draft, nets)
    stems = () if fp32 is None else (fp32.param.stem,)
    put_table(draft, sorted(folder.glob("*.table")), *stems)
    net = fp32 or int8
    output = None if net is None else _blobs(draft, files, net)
    if files.pipeline is None:
        missing = shown(folder / "pipeline.json")
        decoder = (decoders.DECODER,) if task == "text-detection" else ()
        draft.problem(f"{missing} does not exist, and with it the preprocessing", *transforms.PREPROCESSING, *decoder)
    elif task in _TASKS.values():
        _processing(draft, files, files.pipeline, task, None if net is None else (net, output), dataset_type)
    return draft


@dataclass(frozen=True)
class _Files:
    """What the JSON files of a folder say."""

    folder: Path
    deploy: Deploy | None
    pipeline: Pipeline | None
    detail: Detail | None
    generation: Generation | None
    """None when no file tells it."""

    @classmethod
    def read(cls, folder: Path) -> _Files:
        if not is_folder(folder):
            state = "is not a folder" if is_file(folder) else "does not exist"
            raise ConfigError(f"{shown(folder)} {state}; expected the work_dir of an mmdeploy export")
        deploy = read_json(folder / "deploy.json", Deploy)
        pipeline = read_json(folder / "pipeline.json", Pipeline)
        detail = read_json(folder / "detail.json", Detail)
        if deploy is None and pipeline is None:
            raise ConfigError(
                f"{shown(folder)} holds neither deploy.json nor pipeline.json; expected the work_dir of an mmdeploy "
                "export with --dump-info"
            )
        known = [(name, found.version) for name, found in zip(JSON_NAMES[::2], (deploy, detail), strict=True) if found]
        found = None
        for name, version in known[::-1]:
            found = generation(version, folder / name) if version or name == JSON_NAMES[0] else found
        return cls(folder, deploy, pipeline, detail, found)

    def name(self, file: str) -> str:
        """One of the files as messages show it."""
        return shown(self.folder / file)


def _task(draft: Draft, files: _Files) -> str | None:
    deploy, detail = files.deploy, files.detail
    if deploy is None:
        draft.problem(f"{files.name('deploy.json')} does not exist, and with it the task", ("task",))
        return None
    if detail is not None and detail.version not in ("", deploy.version):
        draft.note(
            f"{files.name('deploy.json')} is of mmdeploy {deploy.version} and {files.name('detail.json')} of "
            f"{detail.version}: files of two exports"
        )
    if detail is None:
        draft.note(f"{files.name('detail.json')} does not exist: the output blob is looked up in the net")
    if len(deploy.models) > 1:
        draft.problem(f"{files.name('deploy.json')} lists {len(deploy.models)} nets, expected one")
    backend = deploy.models[0].backend
    if backend != "ncnn":
        draft.problem(f"{files.name('deploy.json')} is an export for {backend}, expected ncnn")
    task = _TASKS.get(deploy.task)
    if task is None:
        draft.problem(f"{files.name('deploy.json')} has the task {deploy.task}, expected one of {listed(_TASKS)}")
        return None
    draft.put(task, "task")
    return task


def _fp32(draft: Draft, files: _Files, nets: FolderOfNets) -> NetFile | None:
    """The float net: the one that deploy.json names, unless it is something else."""
    model = files.deploy.models[0] if files.deploy else None
    name = Path(model.net).name if model else None
    net = next((net for net in nets.float_nets if net.param.name == name), None)
    if net is None and len(nets.float_nets) == 1:
        net = nets.float_nets[0]
        if name is not None:
            state = "is an int8 net" if name in [net.param.name for net in nets.int8_nets] else "is not there"
            draft.note(
                f"{files.name('deploy.json')} names {name}, which {state}: taken as fp32 is {shown(net.param)}, the "
                "one float net of the folder",
                ("fp32",),
            )
    if net is None:
        found = listed(net.param.name for net in nets.float_nets) or "none"
        draft.problem(f"{shown(nets.path)} has no single float net: expected {name or 'one'}, found {found}", ("fp32",))
        return None
    if model and model.precision == "INT8" and net.param.name == name:
        others = listed(f"{shown(net.param)} ({net.layers} quantized layers)" for net in nets.int8_nets) or "none"
        tell = draft.remark if nets.int8_nets else draft.note
        tell(
            f"{files.name('deploy.json')} names {name} with precision INT8, but it is the float net (no quantized "
            f"layer): mmdeploy writes that file before it quantizes. The int8 net by its content: {others}",
            ("int8",),
        )
    put_net(draft, "fp32", net)
    put_onnx(draft, net)
    return net


def _int8(draft: Draft, nets: FolderOfNets) -> NetFile | None:
    if len(nets.int8_nets) == 1:
        put_net(draft, "int8", nets.int8_nets[0])
        return nets.int8_nets[0]
    if nets.int8_nets:
        found = listed(net.param.name for net in nets.int8_nets)
        draft.problem(f"{shown(nets.path)} has {len(nets.int8_nets)} int8 nets, expected one: {found}", ("int8",))
    else:
        draft.problem(
            f"{shown(nets.path)} has no int8 net: no .param in it has a quantized layer. mmdeploy makes one with "
            "--quant, as end2end_int8.param; `int8: {calibrate: {images: ...}}` makes one here",
            ("int8",),
        )
    return None


def _blobs(draft: Draft, files: _Files, net: NetFile) -> str | None:
    """Input and output blobs; gives the output where there is one."""
    facts, param = net.facts, shown(net.param)
    task = files.pipeline.named("Net") if files.pipeline else None
    said = next(iter((task.input_map or {}).values()), None) if task else None
    if len(facts.inputs) == 1:
        blob = facts.inputs[0]
        draft.put(blob, "input", "blob")
        if said not in (None, blob):
            draft.note(
                f"{files.name('pipeline.json')} names the input {said}, {param} has {blob}: taken is {blob}",
                ("input", "blob"),
            )
    elif said is not None:
        draft.put(said, "input", "blob")
    names = (files.detail.onnx_config.output_names if files.detail else None) or ["output"]
    if set(names) <= set(facts.blobs):
        draft.put(names[0] if len(names) == 1 else names, "output")
        return names[0] if len(names) == 1 else None
    if len(facts.outputs) != 1:
        found = listed(facts.outputs)
        draft.problem(f"{param} has the outputs {found}, expected {listed(names)}", ("output",))
        return None
    if files.detail is not None:
        draft.note(
            f"{files.name('detail.json')} names the outputs {listed(names)}, {param} has {facts.outputs[0]}, which is "
            "taken",
            ("output",),
        )
    draft.put(facts.outputs[0], "output")
    return facts.outputs[0]


def _processing(
    draft: Draft,
    files: _Files,
    pipeline: Pipeline,
    task: str,
    net: tuple[NetFile, str | None] | None,
    dataset_type: str | None,
) -> None:
    """Preprocessing, decoder and metric, unless the file describes another network."""
    before, after = pipeline.named("Preprocess"), pipeline.named("postprocess")
    name = files.name("pipeline.json")
    if before is None or after is None or not before.transforms:
        draft.problem(f"{name} has no tasks Preprocess and postprocess", *transforms.PREPROCESSING)
        return
    if files.generation is None:
        draft.problem(
            f"{files.name('deploy.json')} and {files.name('detail.json')}: neither tells which mmdeploy wrote {name}, "
            "and 0.x writes sizes the other way round than 1.x",
            *transforms.PREPROCESSING,
        )
        return
    config = files.detail.codebase.config if files.detail else None
    source = transforms.Source(name, files.generation, dataset_type, resize_step(files.folder, config))
    if net is not None and net[1] is not None:
        other = _contradiction(source, after, net[0], net[1])
        if other is not None:
            draft.problem(other, *transforms.PREPROCESSING)
            return
    steps = {
        "classification": transforms.classification,
        "text-detection": transforms.text_detection,
        "keypoints": transforms.keypoints,
        "object-detection": detectors.preprocessing,
        "semantic-segmentation": segmentor.preprocessing,
        "text-recognition": recognizer.preprocessing,
    }
    steps[task](draft, before.transforms, source)
    _decoding(draft, files, after, task, net, source)


def _decoding(
    draft: Draft,
    files: _Files,
    after: PipelineTask,
    task: str,
    net: tuple[NetFile, str | None] | None,
    source: transforms.Source,
) -> None:
    """Decoder and metric."""
    params = after.params or {}
    if task == "text-detection":
        decoders.text_detection(draft, after.component, params, source)
    elif task == "keypoints":
        decoders.keypoints(draft, after.component, params, source)
    elif task == "object-detection":
        gives_rows = net is not None and net[1] in net[0].facts.rows
        detectors.postprocessing(draft, params, source, gives_rows=gives_rows)
    elif task == "semantic-segmentation":
        features = None if net is None or net[1] is None else net[0].facts.output_features.get(net[1])
        segmentor.decoding(draft, params, source, features)
    elif task == "text-recognition":
        recognizer.decoding(draft, after.component, params, source, files.folder)
    elif str(after.component).startswith("MultiLabel"):
        draft.problem(
            f"{source.file} has the head {after.component}, whose classes do not exclude each other: top1 is not its"
        )


def _contradiction(source: transforms.Source, task: PipelineTask, net: NetFile, output: str) -> str | None:
    """Whether the file is about another network than the one that lies beside it."""
    found = net.facts.output_features.get(output)
    classes = (task.params or {}).get("num_classes")
    channels = decoders.channels_of(task.component)
    if found is None or (not isinstance(classes, int) and channels is None):
        return None
    expected, what = (classes, "classes") if isinstance(classes, int) else (channels, "output channels")
    if expected == found or (found == 1 and task.component == segmentor.COMPONENT):  # the net ends in an argmax
        return None
    return (
        f"{source.file} describes a network of {expected} {what}, but {shown(net.param)} has {found}: it is about "
        "another network, so nothing of its preprocessing is taken"
    )
