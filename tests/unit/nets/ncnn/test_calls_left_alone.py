"""Calls of ncnn that take anything and check nothing: the package makes none of them, so their faults are not ours."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

import pytest_quant

PACKAGE = Path(pytest_quant.__file__).parent
LEFT_ALONE = {
    "fill": "overruns the heap on memory of NumPy",
    "substract_mean_normalize": "reads past its means, and writes through to the array",
    "from_pixels": "believes the width and height that it is told",
    "from_pixels_resize": "the same",
    "from_pixels_roi": "the same",
    "from_pixels_roi_resize": "the same",
    "load_model_mem": "reads past a short buffer, and gives no return code",
    "load_param_bin": "takes binary graphs, which nothing here checks",
    "DataReader": "cannot be written in Python",
    "DataReaderFromEmpty": "gives weights of zeros",
    "register_custom_layer": "runs what is not in the files",
    "set_light_mode": "keeps every blob",
    "top_shapes": "its `repr` reads memory that is not there",
    "bottom_shapes": "the same",
}


@cache
def calls() -> dict[str, set[str]]:
    """Module that imports ncnn to the names of attributes and keywords in it."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "import ncnn" in text:
            nodes = list(ast.walk(ast.parse(text)))
            words = {word.arg or "" for node in nodes if isinstance(node, ast.Call) for word in node.keywords}
            found[path.name] = words | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return found


@pytest.mark.parametrize("name", [*LEFT_ALONE, "batch_index"])
def test_no_module_that_imports_ncnn_makes_it(name: str) -> None:
    assert len(calls()) >= 3
    assert [module for module, words in calls().items() if name in words] == []
