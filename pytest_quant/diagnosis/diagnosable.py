"""Which nets of a model can be compared layer by layer, and with which float net."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_quant.diagnosis.layer_errors import prepare_nets
from pytest_quant.diagnosis.onnx_errors import OnnxNets
from pytest_quant.diagnosis.probing import Nets
from pytest_quant.evaluation.alive import run_folder
from pytest_quant.evaluation.model_nets import net_of
from pytest_quant.extending.known import get_format
from pytest_quant.nets.ncnn.net_files import NCNN
from pytest_quant.nets.onnxruntime.format import ONNXRUNTIME
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net
from pytest_quant.spec.text import listed


def require_diagnosable(model: ModelSpec, net: Net) -> Net:
    """The float net that ``net`` is held against; raises `ConfigError` where there is none, in words."""
    found = net_of(model, net).format
    if found == NCNN and net == "int8" and model.nets["fp32"].format == NCNN:
        return "fp32"
    floats = [name for name in _float_nets(model, net) if model.nets[name].format == found]
    if found == ONNXRUNTIME and floats:
        return floats[0]
    if found == NCNN == model.nets["fp32"].format:
        raise ConfigError(
            f"a layer diagnosis of nets of ncnn holds int8 against fp32, and {net} is a further net: what is said of "
            "int8 is true of it where its files are the same, on whatever machine it runs"
        )
    formats = dict.fromkeys(("fp32", net))
    told = listed(f"{name} is a net of {model.nets[name].format}" for name in formats)
    raise ConfigError(f"a layer diagnosis takes two nets of ncnn, or two of onnxruntime, and {told}")


def _float_nets(model: ModelSpec, net: Net) -> Iterator[Net]:
    """fp32, the model before conversion, and further nets without a quantized layer."""
    yield "fp32"
    for name in model.nets:
        if name in ("fp32", "int8", net) or model.nets[name].format != model.nets[net].format:
            continue
        spec = model.net(name)
        if not get_format(spec.format).inspect(spec).quantized:
            yield name


def is_diagnosable(model: ModelSpec, net: Net) -> bool:
    """Whether there is a float net to hold it against."""
    try:
        require_diagnosable(model, net)
    except ConfigError:
        return False
    return True


@contextmanager
def prepared(model: ModelSpec, net: Net) -> Iterator[Nets]:
    """The two nets, read and matched."""
    fp32 = require_diagnosable(model, net)
    if model.nets[net].format == ONNXRUNTIME:
        yield OnnxNets(model, fp32, net)
        return
    with run_folder("diagnose-") as folder:  # for the files of a third net
        yield prepare_nets(model, Path(folder))
