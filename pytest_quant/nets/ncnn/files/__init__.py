"""ncnn's files: ``.param``, ``.bin`` and calibration tables; the only place that knows the formats."""

from pytest_quant.nets.ncnn.files.facts import NetFacts, inspect_net, net_facts
from pytest_quant.nets.ncnn.files.finding import Finding
from pytest_quant.nets.ncnn.files.lint import lint_entries, lint_scales, lint_table
from pytest_quant.nets.ncnn.files.param import Layer, Param, read_param
from pytest_quant.nets.ncnn.files.table import Table, read_table, without_layers, write_table
from pytest_quant.nets.ncnn.files.weights import StoredArray, Weights, walk

__all__ = [
    "Finding",
    "Layer",
    "NetFacts",
    "Param",
    "StoredArray",
    "Table",
    "Weights",
    "inspect_net",
    "lint_entries",
    "lint_scales",
    "lint_table",
    "net_facts",
    "read_param",
    "read_table",
    "walk",
    "without_layers",
    "write_table",
]
