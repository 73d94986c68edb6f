"""The files of an ncnn net, as an entry names them."""

from __future__ import annotations

from pathlib import Path

from pytest_quant.nets.format import NetKeys
from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.model import ModelSpec
from pytest_quant.spec.net import SIDES, Net, NetSpec
from pytest_quant.spec.text import listed, shown

NCNN = "ncnn"
"""The name of the format."""


class NcnnFiles(NetKeys):
    """``{param, bin, table}``: the table is the one that an int8 net was made with."""

    param: Path
    bin: Path
    table: Path | None = None

    def net(self) -> NetSpec:
        """The net that these files are."""
        return NetSpec(NCNN, self)


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


def require_ncnn(model: ModelSpec, what: str) -> None:
    """Raise `ConfigError` where fp32 and int8 are not both nets of ncnn, which ``what`` takes."""
    others = [f"{side} is a net of {model.nets[side].format}" for side in SIDES if model.nets[side].format != NCNN]
    if others:
        raise ConfigError(f"{what} takes nets of ncnn, and {listed(others)}")


def has_table(net: NetSpec) -> bool:
    """Whether the net has a calibration table: one that its entry names, or the one that it will be made with."""
    if isinstance(net.entry, NcnnFiles):
        return net.entry.table is not None
    return isinstance(net.source, CalibrationSpec)
