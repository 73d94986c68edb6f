"""What predictions are kept under: a digest of everything that can change them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.evaluate import Shard, samples_key
from pytest_quant.evaluation.machine import isa
from pytest_quant.evaluation.store import ShardKey
from pytest_quant.extending.known import active, get_format
from pytest_quant.spec.environment import kernels, versions
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.tasks.base import Pipeline

_STORE_VERSION = 1
"""Part of every key: raise it when what a stored shard means changes."""


def net_files(model: ModelSpec) -> dict[str, Path]:
    """The files of all nets of a model, by the name that reports give them: ``fp32.param``, ``onnx``, ..."""
    return {name: path for net in model.nets for name, path in files_of(model, net).items()}


def files_of(model: ModelSpec, name: Net) -> dict[str, Path]:
    """The same of one net."""
    found = get_format(model.nets[name].format).files(model.net(name))
    return {f"{name}{suffix}": path for suffix, path in found.items()}


def net_keys(model: ModelSpec, pipelines: Mapping[Net, Pipeline], files: Mapping[str, str]) -> dict[Net, str]:
    """For each net of the model the digest of everything but the samples that can change a prediction.

    ``pipelines``: of each net; ``files``: the digest of each of `net_files`.
    """
    return {name: sha256_json(_net_key(model, name, pipelines[name], files)) for name in model.nets}


def _net_key(model: ModelSpec, name: Net, pipeline: Pipeline, files: Mapping[str, str]) -> dict[str, object]:
    net = model.net(name)
    found = get_format(net.format)
    try:
        own = found.key(net, {suffix: files[f"{name}{suffix}"] for suffix in found.files(net)})
    except PackageNotFoundError as error:  # nothing is kept of it: it cannot be opened, which says so
        own = {"not installed": error.name}
    return {
        "store": _STORE_VERSION,
        "pytest_quant": versions()["pytest_quant"],
        "isa": isa(),
        "outputs": model.outputs,
        "task": model.task,
        "registered": active().registered_by(task=model.task, dataset=model.dataset.type, net_format=net.format),
        "pipeline": pipeline.fingerprint(),
        "format": net.format,
        "net": own,
        **kernels(),
    }


def shards_of(keys: Mapping[Net, str], samples: Sequence[Sample], digests: Sequence[str], size: int) -> list[Shard]:
    """Samples in their order cut into shards of ``size``, each with what every net's predictions of it are kept under.

    ``digests``: of the content of each sample.
    """
    shards = []
    for index, start in enumerate(range(0, len(samples), size)):
        chunk = samples[start : start + size]
        content = samples_key(chunk, digests[start : start + size])
        shards.append(Shard(index, tuple(chunk), {net: ShardKey(key, content) for net, key in keys.items()}))
    return shards


def samples_digest(samples: Sequence[Sample], digests: Sequence[str]) -> str:
    """SHA-256 over id, content and ground truth of samples, in their order."""
    whole = hashlib.sha256()
    for sample, digest in zip(samples, digests, strict=True):
        whole.update(f"{sample.id}\0{digest}\0{sample.truth!r}\n".encode())
    return whole.hexdigest()
