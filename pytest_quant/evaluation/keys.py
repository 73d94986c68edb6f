"""What predictions are kept under: a digest of everything that can change them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_quant.datasets.base import Sample
from pytest_quant.evaluation.digests import sha256_json
from pytest_quant.evaluation.evaluate import Shard
from pytest_quant.evaluation.store import ShardKey
from pytest_quant.extending.known import active
from pytest_quant.nets.ncnn.ncnn_net import runtime_options
from pytest_quant.nets.onnxruntime.onnx_sessions import onnx_runtime
from pytest_quant.spec.environment import isa, versions
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Net
from pytest_quant.tasks.base import Pipeline

_STORE_VERSION = 1
"""Part of every key: raise it when what a stored shard means changes."""


def net_keys(model: ModelSpec, pipeline: Pipeline, files: Mapping[str, str]) -> dict[Net, str]:
    """For each net of the model the digest of everything but the samples that can change a prediction.

    ``files``: ``fp32.param`` and the like to the digest of the file; those of an ONNX file begin with the net's name.
    """
    surroundings = {
        "store": _STORE_VERSION,
        "pytest_quant": versions()["pytest_quant"],
        "isa": isa(),
        "outputs": model.outputs,
        "task": model.task,
        "registered": active().registered_by(task=model.task, dataset=model.dataset.type),
        "pipeline": pipeline.fingerprint(),
    }
    return {
        net: sha256_json({**surroundings, **(_ncnn if net in SIDES else _onnx)(model, net, files)})
        for net in model.nets
    }


def _ncnn(model: ModelSpec, net: Net, files: Mapping[str, str]) -> dict[str, Any]:
    return {
        "ncnn": versions()["ncnn"],
        "runtime": model.runtime,
        "options": runtime_options(model.runtime),
        "input": model.input.blob,
        "param": files[f"{net}.param"],
        "bin": files[f"{net}.bin"],
    }


def _onnx(model: ModelSpec, net: Net, files: Mapping[str, str]) -> dict[str, Any]:
    file = model.onnx_file(net)
    return {
        "runtime": onnx_runtime(),
        "numpy": versions()["numpy"],
        "names": None if file is None else file.outputs,
        "files": {name: digest for name, digest in files.items() if name == net or name.startswith(f"{net}:")},
    }


def shards_of(keys: Mapping[Net, str], samples: Sequence[Sample], digests: Sequence[str], size: int) -> list[Shard]:
    """Samples in their order cut into shards of ``size``, each with what every net's predictions of it are kept under.

    ``digests``: of the content of each sample.
    """
    shards = []
    for index, start in enumerate(range(0, len(samples), size)):
        chunk = samples[start : start + size]
        known = zip(chunk, digests[start : start + size], strict=True)
        content = sha256_json([[sample.id, sample.extra, digest] for sample, digest in known])
        shards.append(Shard(index, tuple(chunk), {net: ShardKey(key, content) for net, key in keys.items()}))
    return shards


def samples_digest(samples: Sequence[Sample], digests: Sequence[str]) -> str:
    """SHA-256 over id, content and ground truth of samples, in their order."""
    whole = hashlib.sha256()
    for sample, digest in zip(samples, digests, strict=True):
        whole.update(f"{sample.id}\0{digest}\0{sample.truth!r}\n".encode())
    return whole.hexdigest()
