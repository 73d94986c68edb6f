"""A net of ncnn on a target: the same checks before as here, the same options as its machine takes."""

from __future__ import annotations

from pytest_quant.nets.ncnn.feeding import feeding_of
from pytest_quant.nets.ncnn.files.facts import inspect_net
from pytest_quant.nets.ncnn.format import net_files, output_blobs
from pytest_quant.nets.ncnn.options import net_options
from pytest_quant.nets.remote.remote_net import RemoteRunner, RemoteSetup
from pytest_quant.nets.remote.target import Target
from pytest_quant.spec.net import ModelNet


def open_there(net: ModelNet, target: Target) -> RemoteRunner:
    """Load a net on a target; raises `ModelFileError` for files that cannot be loaded, `TargetError` for the rest."""
    files = net_files(net)
    facts = inspect_net(files.param, files.bin)
    return RemoteRunner(
        RemoteSetup(
            param=files.param,
            bin=files.bin,
            feeding=feeding_of(net, facts),
            outputs=output_blobs(net),
            names=net.outputs,
            options=net_options(files.param, net.runtime, target.facts.machine),
            rows=frozenset(facts.rows),
        ),
        target,
    )
