"""The files of an ncnn net, as an entry names them."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.nets.format import NetKeys
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import Net, NetSpec
from pytest_quant.spec.text import shown

NCNN = "ncnn"
"""The name of the format."""


class NcnnFiles(NetKeys):
    """``{param, bin, table}``: the table is the one that an int8 net was made with."""

    param: Path
    bin: Path
    table: Path | None = None


def ncnn_net(param: Path, bin: Path, table: Path | None = None) -> NetSpec:  # noqa: A002 - as ncnn calls it
    """An ncnn net of these files."""
    return NetSpec(NCNN, NcnnFiles(param=param, bin=bin, table=table))


def ncnn_files(model: ModelSpec, net: Net) -> NcnnFiles:
    """The files of a net that has to be one of ncnn's; raises `ConfigError` for one of another runtime."""
    spec = model.nets[net]
    if isinstance(spec.entry, NcnnFiles):
        return spec.entry
    if spec.format == NCNN:
        raise ConfigError(f"{shown(model.zoo)}: models.{model.name}.{net}: its files are still to be made")
    raise ConfigError(
        f"{shown(model.zoo)}: models.{model.name}.{net}: is a net of {spec.format}; this takes ncnn files, `param` and "
        "`bin`"
    )


def runs_in_ncnn(model: ModelSpec) -> bool:
    """Whether both fp32 and int8 are nets of ncnn: layers can be compared, and int8 nets made, of those alone."""
    return model.nets["fp32"].format == model.nets["int8"].format == NCNN
