"""Post-training calibration: a float network and some inputs become the table that ncnn2int8 takes.

``kl`` and ``aciq`` give ncnn2table's own tables when they are fed the same arrays; the other methods are the usual ones
of other tools. Every method quantizes symmetrically: scale = 127 / threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pytest_quant.evaluation.engine.engine import Engine, private_engine
from pytest_quant.nets.ncnn.files.arrays import INT8_LAYER_TYPES, int8_term
from pytest_quant.nets.ncnn.files.copies import origin
from pytest_quant.nets.ncnn.files.param import Param, read_param
from pytest_quant.nets.ncnn.files.static_scales import UNTABLED_TYPES
from pytest_quant.nets.ncnn.files.table import Table, layer_of, without_layers
from pytest_quant.nets.ncnn.files.weights import Weights, walk
from pytest_quant.quantize.aciq import aciq_threshold
from pytest_quant.quantize.activations import BlobStats, NotFiniteError, OpenExtract, Source, collect
from pytest_quant.quantize.inputs import GiveInputs
from pytest_quant.quantize.kl import kl_clip
from pytest_quant.quantize.static_layers import static_entries
from pytest_quant.quantize.thresholds import mse_clip, percentile_clip
from pytest_quant.quantize.weight_scales import weight_scales
from pytest_quant.spec.calibration import CalibrationMethod
from pytest_quant.spec.errors import QuantError

Method = CalibrationMethod

NEEDS_HISTOGRAM: frozenset[Method] = frozenset({"kl", "percentile", "mse"})


def calibrate(
    param_path: Path | str,
    bin_path: Path | str,
    inputs: GiveInputs,
    open_extract: OpenExtract,
    *,
    method: Method = "kl",
    percentile: float = 99.99,
    eight_bit: bool = False,
    keep_float: Iterable[str] = (),
    zero_scale: float = 1.0,
    engine: Engine | None = None,
) -> Table:
    """Return the calibration table of a float network.

    Args:
        param_path: the float network's ``.param``.
        bin_path: its ``.bin``.
        inputs: called once per pass (two passes, one for ``aciq`` and ``minmax``), gives the preprocessed inputs.
        open_extract: opens the network; called once per thread.
        method: how thresholds of activations are chosen. With ``aciq`` weights are clipped too.
        percentile: for that method: percent of the absolute values that are kept.
        eight_bit: 8-bit weights also where ncnn2table uses 6 bits, see `pytest_quant.quantize.weight_scales`.
        keep_float: names of layers to leave out of the table, which stay float then.
        zero_scale: scale for weights or inputs that are all zero; ``math.inf`` is what ncnn2table prints.
        engine: runs the inputs; None: one after the other.

    Raises:
        ConfigError: a layer of ``keep_float`` is none that could be int8, or no layer is left.
        ModelFileError: a model file is damaged or quantized already.
        QuantError: there is no input, or an input makes the network compute values that are not finite.

    """
    found = gather(
        param_path,
        bin_path,
        Source(inputs),
        open_extract,
        histograms=method in NEEDS_HISTOGRAM,
        keep_float=keep_float,
        engine=engine,
    )
    return found.table(method, percentile=percentile, eight_bit=eight_bit, zero_scale=zero_scale)


@dataclass(frozen=True)
class Calibration:
    """What the calibration inputs make a float network compute: enough for the table of every method.

    Most methods take the histograms of a second pass, ``aciq`` and ``minmax`` do not.
    """

    param: Param
    weights: Weights
    blob_by_layer: Mapping[str, str]
    """Layer to the blob that it reads, in file order; without the layers that are to stay float."""
    stats: Mapping[str, BlobStats]
    """Of each blob."""
    static: Mapping[str, tuple[float, ...]]
    """Table entries of the layers that need no inputs, see `pytest_quant.quantize.static_layers`."""

    def table(
        self, method: Method = "kl", *, percentile: float = 99.99, eight_bit: bool = False, zero_scale: float = 1.0
    ) -> Table:
        """The table of one method; the parameters are those of `calibrate`."""
        weight_method: Literal["absmax", "aciq"] = "aciq" if method == "aciq" else "absmax"
        by_layer = weight_scales(
            self.param, self.weights, method=weight_method, eight_bit=eight_bit, zero_scale=zero_scale
        )
        scales = {blob: _scale(found, method, percentile, zero_scale) for blob, found in self.stats.items()}
        return Table(
            {f"{name}_param_0": by_layer[name] for name in self.blob_by_layer} | dict(self.static),
            {name: scales[blob] for name, blob in self.blob_by_layer.items()},
        )


def gather(
    param_path: Path | str,
    bin_path: Path | str,
    source: Source,
    open_extract: OpenExtract,
    *,
    histograms: bool = True,
    keep_float: Iterable[str] = (),
    engine: Engine | None = None,
) -> Calibration:
    """Run the inputs through a float network once (twice for ``histograms``); see `calibrate` for the rest.

    Where no layer needs the inputs (recurrent and attention layers alone) none is run.
    """
    param = read_param(param_path)
    weights = walk(param, bin_path)
    _refuse(param, weights)
    names = [*weight_scales(param, weights)]
    static = dict(static_entries(param, weights))
    if not names and not static:
        raise QuantError(
            f"{param.path} has no layer to calibrate: ncnn could run none of its layers in int8 from a table"
        )
    untabled = {layer.name for layer in param.layers if layer.type in UNTABLED_TYPES}
    everything = Table({f"{name}_param_0": () for name in names} | static, {})
    kept = frozenset(without_layers(everything, [name for name in keep_float if name not in untabled]).layers)
    layers = [layer for layer in param.layers if layer.name in kept.intersection(names)]
    blob_by_layer = {layer.name: origin(param, layer.bottoms[0]) for layer in layers}
    static = {entry: scales for entry, scales in static.items() if layer_of(entry) in kept}
    if not blob_by_layer:
        return Calibration(param, weights, {}, {}, static)
    blobs = tuple(dict.fromkeys(blob_by_layer.values()))
    try:
        with private_engine() if engine is None else nullcontext(engine) as running:
            stats = collect(source, open_extract, blobs, histograms=histograms, engine=running)
    except NotFiniteError as error:
        reader = next(name for name, blob in blob_by_layer.items() if blob == error.blob)
        raise QuantError(f"{param.path}: {error}, which layer {reader!r} reads") from None
    return Calibration(param, weights, blob_by_layer, stats, static)


def _refuse(param: Param, weights: Weights) -> None:
    for layer in weights.unknown:
        raise param.error(layer, "its format is not known, so the weights behind it cannot be read")
    for layer in param.layers:
        if int8_term(layer) or layer.type in INT8_LAYER_TYPES:
            raise param.error(layer, "the network is quantized already; calibrate the float one")


def _scale(stats: BlobStats, method: Method, percentile: float, zero_scale: float) -> float:
    if stats.absmax == 0:
        return zero_scale
    return float(np.float32(127) / np.float32(_clip(stats, method, percentile)))


def _clip(stats: BlobStats, method: Method, percentile: float) -> float:
    if method == "kl":
        return kl_clip(stats.histogram, stats.absmax)
    if method == "aciq":
        return float(aciq_threshold(stats.absmax, stats.last_count))
    if method == "percentile":
        return percentile_clip(stats.histogram, stats.zeros, stats.absmax, percentile)
    if method == "mse":
        return mse_clip(stats.histogram, stats.absmax)
    return stats.absmax
