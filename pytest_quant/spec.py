"""The nouns of the project: frozen, plain, without pytest and without anything heavy.

A zoo file or a marker becomes `ModelSpec` and `DatasetSpec`; each limit of a model becomes one `Limit`, and each limit
gets one `Verdict`. Units: top-1 and top-5 are in percent [0, 100]; hmean, AP and the rest are fractions [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Side = Literal["fp32", "int8"]
SIDES: tuple[Side, Side] = ("fp32", "int8")
"""The two ncnn nets of a model, which every model has."""

Net = Literal["fp32", "int8", "onnx", "onnx_int8"]
"""Every net that a model can have, in the order of the stages: ``onnx`` is the model before conversion to ncnn,
``onnx_int8`` its quantized ONNX form. All are run over the same samples through the same pipeline."""

Runtime = Literal["reference", "deploy"]
"""``reference``: true fp32 arithmetic around the quantized layers, so that only quantization differs between the two
nets. ``deploy``: ncnn's own default options for both."""

Color = Literal["rgb", "bgr", "gray"]

Kind = Literal[
    "tolerance", "floor", "published", "require", "int8", "table", "onnx", "onnx_int8", "config", "zoo", "baseline"
]
Decision = Literal["pass", "fail", "inconclusive", "error", "crashed", "missing", "skipped"]
Outcome = Literal["passed", "failed", "skipped", "xfailed", "xpassed", "not_run"]


@dataclass(frozen=True)
class Metric:
    """What a number of one metric means."""

    name: str
    """Key in zoo files, markers and reports, such as ``top1``."""
    unit: Literal["%", "fraction"]
    """``%``: from 0 to 100, differences are points; ``fraction``: from 0 to 1."""
    higher_is_better: bool = True
    is_mean_of_hits: bool = False
    """Whether it is the share of samples that are right; hmean and AP are no means over samples."""

    @property
    def maximum(self) -> float:
        """The best possible value in the metric's own unit."""
        return 100.0 if self.unit == "%" else 1.0

    def number(self, value: float) -> str:
        """``value`` with the digits that tables print: two for percent, four for a fraction."""
        return f"{value:.2f}" if self.unit == "%" else f"{value:.4f}"

    def difference(self, value: float) -> str:
        """``value`` as a difference, with its unit where it has one."""
        return f"{value:.2f} points" if self.unit == "%" else f"{value:.4f}"


def _metrics(unit: Literal["%", "fraction"], *names: str, is_mean_of_hits: bool = False) -> dict[str, Metric]:
    return {name: Metric(name, unit, is_mean_of_hits=is_mean_of_hits) for name in names}


METRICS: Mapping[str, Metric] = (
    _metrics("%", "top1", "top5", is_mean_of_hits=True)
    | _metrics("fraction", "hmean", "precision", "recall")
    | _metrics("fraction", "AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL")
)
"""Every metric that a zoo file or a marker can name; which of them a model has is its task's to say."""


@dataclass(frozen=True)
class InputSpec:
    """What the net expects in its input blob."""

    blob: str
    size: tuple[int, int] | None
    """Width and height in pixels; None when an image keeps its own size."""
    color: Color
    mean: tuple[float, ...]
    """Per channel, in the order of ``color``, subtracted after ``scale``."""
    std: tuple[float, ...]
    """Per channel, in the order of ``color``; the divisor."""
    scale: float = 1.0
    """Multiplies the 0 to 255 pixel value first."""

    @property
    def channels(self) -> int:
        """Channels of the input array: 1 for gray, else 3."""
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True)
class NetFiles:
    """The two files of one ncnn net."""

    param: Path
    bin: Path


UNBUILT = NetFiles(Path("not-built-yet.param"), Path("not-built-yet.bin"))
"""Stands for files that are made before the cases run; `Workbench.built` puts the real ones in their place."""

CalibrationMethod = Literal["kl", "aciq", "minmax", "percentile", "mse"]


@dataclass(frozen=True)
class CalibrationSpec:
    """How the int8 net is made from the fp32 one: ``int8: {calibrate: ...}``."""

    images: Path | None
    """A folder of images, or a text file with one path per line, relative to the file; None where ``missing``."""
    method: CalibrationMethod = "kl"
    percentile: float = 99.99
    """Percent of the absolute values that the method of that name keeps."""
    samples: int | None = None
    """Size of the seeded choice of images; None: all of them."""
    eight_bit: bool = False
    """8-bit weights also where ncnn2table uses 6 bits (3x3 convolutions of stride 1)."""
    keep_float: tuple[str, ...] = ()
    """Layers that stay float."""
    missing: str | None = None
    """Why the images cannot be on this machine at all: an environment variable is not set."""


@dataclass(frozen=True)
class OnnxFile:
    """An ONNX file of a model."""

    path: Path
    input: str | None = None
    """Name of its input; None: it has one."""
    outputs: tuple[str, ...] | None = None
    """Names of its outputs in the order of the model's ``outputs``; None: they can be told."""


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset as the zoo file names it; ``options`` is the validated model of its type."""

    name: str
    type: str
    options: Any
    zoo: Path
    """The zoo file that declares it: messages name it."""
    missing: str | None = None
    """Why it cannot be on this machine at all (an environment variable is not set); then there are no ``options``."""


@dataclass(frozen=True)
class RescueSpec:
    """What a repair of the int8 net is searched on: ``rescue: ...``."""

    source: DatasetSpec | Path | None
    """A labelled dataset, or a folder or list of images; None where ``missing``."""
    samples: int | None = None
    """At most so many of them; None: all."""
    missing: str | None = None
    """Why they cannot be on this machine at all: an environment variable is not set."""


@dataclass(frozen=True)
class Tolerance:
    """The largest allowed drop fp32 - int8."""

    metric: str
    amount: float
    """In the metric's own unit; for a relative tolerance a share of the fp32 value (0.01 is 1 %)."""
    relative: bool = False


@dataclass(frozen=True)
class Floor:
    """The least allowed int8 value, in the metric's own unit."""

    metric: str
    value: float


@dataclass(frozen=True)
class Published:
    """A number somebody published for one side of a model."""

    side: Side
    metric: str
    value: float
    within: float
    """Allowed difference in the metric's own unit, half of the last printed digit included."""
    samples: int | None = None
    """How many samples the published number was measured on; None: the whole dataset."""


@dataclass(frozen=True)
class Requirement:
    """A condition of the evaluation that must hold."""

    condition: str
    value: Any


@dataclass(frozen=True)
class NoWorse:
    """int8 must not be worse than the committed baseline on the same samples."""

    metric: str
    within: float
    """How much worse it may be, in the metric's own unit."""


@dataclass(frozen=True)
class Parity:
    """The ONNX file and the ncnn fp32 net must be the same model."""

    metric: str
    within: float
    """Largest difference of the metric, either way, in its own unit."""
    least_sqnr_db: float
    """Least signal to noise ratio of the raw outputs, the ONNX file's being the signal."""


@dataclass(frozen=True)
class Untold:
    """A condition that a training config file leaves open, and why."""

    reason: str
    """What was found, where, and what to do."""


@dataclass(frozen=True)
class Limit:
    """One thing to decide about a model: one case, one verdict."""

    kind: Kind
    name: str
    """The last part of the test id: ``top1``, ``floor[top1]``, ``published[fp32.top1]``, ``require[flip_test]``, ..."""
    rule: Tolerance | Floor | Published | Requirement | NoWorse | Parity | None = None

    @property
    def metric(self) -> str | None:
        """The metric it is about, if any."""
        return None if self.rule is None or isinstance(self.rule, Requirement) else self.rule.metric

    @property
    def needs_dataset(self) -> bool:
        """Whether deciding it takes samples; the others look at the model's files only."""
        return self.kind in ("tolerance", "floor", "published", "require", "onnx", "onnx_int8", "baseline")

    @property
    def net(self) -> Net:
        """The net that is held against fp32 to decide it."""
        if self.kind == "onnx" or self.kind == "onnx_int8":
            return self.kind
        return "int8"


def tolerance_limit(rule: Tolerance) -> Limit:
    """The case of a tolerance, named after its metric."""
    return Limit("tolerance", rule.metric, rule)


def floor_limit(rule: Floor) -> Limit:
    """The case of a floor, such as ``floor[top1]``."""
    return Limit("floor", f"floor[{rule.metric}]", rule)


def published_limit(rule: Published) -> Limit:
    """The case of a published value, such as ``published[fp32.top1]``."""
    return Limit("published", f"published[{rule.side}.{rule.metric}]", rule)


def requirement_limit(rule: Requirement) -> Limit:
    """The case of a required condition, such as ``require[flip_test]``."""
    return Limit("require", f"require[{rule.condition}]", rule)


def parity_limit(rule: Parity) -> Limit:
    """The case of the ONNX file beside the ncnn fp32 net, such as ``onnx[top1]``."""
    return Limit("onnx", f"onnx[{rule.metric}]", rule)


def onnx_int8_limit(rule: Tolerance) -> Limit:
    """The case of the quantized ONNX file's own drop, such as ``onnx_int8[top1]``."""
    return Limit("onnx_int8", f"onnx_int8[{rule.metric}]", rule)


def baseline_limits(limits: Iterable[Limit], within_pct: float) -> tuple[Limit, ...]:
    """One case per metric that has a limit, such as ``baseline[top1]``; ``within_pct`` is of the metric's range."""
    metrics = dict.fromkeys(limit.metric for limit in limits if limit.metric is not None)
    rules = (NoWorse(metric, within_pct / 100 * METRICS[metric].maximum) for metric in metrics)
    return tuple(Limit("baseline", f"baseline[{rule.metric}]", rule) for rule in rules)


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
    """What the descriptions that the entry was filled in from contradict, lose or leave to a guess: told before a run.
    """
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


@dataclass(frozen=True)
class Verdict:
    """What was decided about one limit, and why."""

    decision: Decision
    reason: str
    """The formula with its values, complete as it stands."""
    value: float | None = None
    """What was compared with the limit, in the metric's own unit."""
    limit: float | None = None
    """The limit in the same unit."""


@dataclass(frozen=True)
class CaseRecord:
    """One row of the report's ``cases``."""

    id: str
    model: str | None
    metric: str | None
    kind: Kind
    limit: float | bool | str | None
    value: float | bool | str | None
    verdict: Decision
    outcome: Outcome
    reason: str
    seconds: float
    name: str = ""
    """The limit's name, which tells the limits of one test in Python apart; not in the report."""
