"""Blobs that are copies of others: a Split layer copies its input to each of its outputs."""

from __future__ import annotations

from pytest_quant.nets.ncnn.files.param import Param


def origin(param: Param, blob: str) -> str:
    """The blob that ``blob`` is a copy of, past all Split layers; itself where it is not a copy."""
    while (producer := param.producer[blob]).type == "Split":
        blob = producer.bottoms[0]
    return blob
