"""One model of a zoo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_quant.spec.calibration import CalibrationSpec
from pytest_quant.spec.dataset import DatasetSpec, RescueSpec
from pytest_quant.spec.limit import Limit
from pytest_quant.spec.net import SIDES, UNBUILT, InputSpec, Net, NetFiles, OnnxFile, Runtime, Side


@dataclass(frozen=True)
class ModelSpec:
    """One model of a zoo, validated, with absolute paths and everything filled in that the zoo file left out."""

    name: str
    zoo: Path
    task: str
    dataset: DatasetSpec
    fp32: NetFiles
    """The float net; `UNBUILT` where it is to be converted from ``fp32_onnx``."""
    int8: NetFiles
    """The int8 net; `UNBUILT` where it is to be made by ``calibration``."""
    input: InputSpec
    outputs: tuple[str, ...]
    table: Path | None = None
    onnx: OnnxFile | None = None
    """The model before conversion to ncnn."""
    onnx_int8: OnnxFile | None = None
    """The model quantized in ONNX: QDQ or quantized operators."""
    fp32_onnx: Path | None = None
    """The ONNX file that the float net is converted from, when there are no ncnn files of it."""
    calibration: CalibrationSpec | None = None
    """How the int8 net is made, when there are no files of it."""
    rescue: RescueSpec | None = None
    """What a repair is searched on; None: the calibration images, where the entry names them."""
    built_in: Path | None = None
    """The folder that holds the files that were built; reports name them relative to it."""
    preprocess: Any = None
    """The task's own validated options; likewise ``postprocess``, and ``metric_options`` by metric name."""
    postprocess: Any = None
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    samples: int | None = None
    """Size of the seeded subset to evaluate; None: the whole dataset."""
    runtime: Runtime = "reference"
    config: Path | None = None
    """The training repository's config file, for required conditions."""
    config_conditions: Mapping[str, Any] = field(default_factory=dict)
    """What that file says of conditions: plain JSON values, or `Untold`."""
    xfail: Mapping[str, str] = field(default_factory=dict)
    """Case name to the reason why its limit is known to be broken."""
    notes: tuple[str, ...] = ()
    """What the files hint at and the entry has otherwise, and what the descriptions that it was filled in from
    contradict, lose or leave to a guess: told before a run."""
    remarks: tuple[str, ...] = ()
    """What is so of every such description: in the report only, after the notes."""

    def files(self, side: Side) -> NetFiles:
        """The files of one side."""
        return self.fp32 if side == "fp32" else self.int8

    def onnx_file(self, net: Net) -> OnnxFile | None:
        """The ONNX file of a net, where the model has one."""
        return {"onnx": self.onnx, "onnx_int8": self.onnx_int8}.get(net)

    @property
    def nets(self) -> tuple[Net, ...]:
        """The nets that the model has, in the order of the stages: before conversion, fp32, then the quantized ones."""
        known: tuple[Net, ...] = ("onnx", "fp32", "int8", "onnx_int8")
        return tuple(net for net in known if net in SIDES or self.onnx_file(net) is not None)

    @property
    def is_built(self) -> bool:
        """Whether the files of both sides are there, or were never to be built."""
        return UNBUILT not in (self.fp32, self.int8)
