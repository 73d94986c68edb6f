"""The decoder that a zoo entry asks for."""

from __future__ import annotations

from pytest_quant.tasks.object_detection.anchor import DeltaDecoder, YoloDecoder
from pytest_quant.tasks.object_detection.dfl import DflDecoder
from pytest_quant.tasks.object_detection.options import PostprocessOptions
from pytest_quant.tasks.object_detection.parameters import (
    AnchorParameters,
    DflParameters,
    PointsParameters,
    RowsParameters,
    YoloxParameters,
)
from pytest_quant.tasks.object_detection.points import PointsDecoder
from pytest_quant.tasks.object_detection.rows import RowsDecoder
from pytest_quant.tasks.object_detection.yolox import YoloxDecoder

AnyDecoder = YoloxDecoder | YoloDecoder | DeltaDecoder | PointsDecoder | DflDecoder | RowsDecoder


def make_decoder(options: PostprocessOptions, blobs: tuple[str, ...]) -> AnyDecoder:
    """The decoder of an entry; raises `ConfigError` for a number of output blobs that it does not take."""
    parameters = options.parameters
    if isinstance(parameters, YoloxParameters):
        return YoloxDecoder(blobs, parameters)
    if isinstance(parameters, AnchorParameters):
        kind = YoloDecoder if parameters.anchors == "fixed" else DeltaDecoder
        return kind(blobs, parameters)
    if isinstance(parameters, PointsParameters):
        return PointsDecoder(blobs, parameters)
    if isinstance(parameters, DflParameters):
        return DflDecoder(blobs, parameters)
    if isinstance(parameters, RowsParameters):
        return RowsDecoder(blobs, parameters)
    raise TypeError(f"{parameters!r} are not parameters of a decoder")
