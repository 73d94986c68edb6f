"""Calls of ncnn that take anything and check nothing: the package makes none of them, so their faults are not ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import CodeType

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


def words_of(code: CodeType) -> set[str]:
    """Names of attributes, globals and keywords in compiled code and in what it defines."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= words_of(constant)
        elif isinstance(constant, tuple):
            found.update(word for word in constant if isinstance(word, str))
    return found


@cache
def calls() -> dict[str, set[str]]:
    """Module that imports ncnn to the names in it."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    return {name: words_of(compile(text, name, "exec")) for name, text in texts.items() if "import ncnn" in text}


def test_attributes_and_keywords_are_found() -> None:
    found = words_of(compile("def f(mat, x):\n    mat.fill(0)\n    return x.run(batch_index=1)", "f.py", "exec"))
    assert {"fill", "run", "batch_index"} <= found


@pytest.mark.parametrize("name", [*LEFT_ALONE, "batch_index"])
def test_no_module_that_imports_ncnn_makes_it(name: str) -> None:
    assert len(calls()) >= 3
    assert [module for module, words in calls().items() if name in words] == []
