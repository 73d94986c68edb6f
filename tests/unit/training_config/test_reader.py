from __future__ import annotations

import ast
import json
import math
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.spec.errors import ConfigError
from pytest_quant.training_config import TrainingConfig, UnreadError, read_training_config
from pytest_quant.training_config.effort import Effort
from pytest_quant.training_config.python_file import PythonFile
from pytest_quant.training_config.values import unread_in


def write(folder: Path, **files: str) -> Path:
    """Write ``name.py`` files; gives the first."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder / f"{next(iter(files))}.py"


def config(folder: Path, **files: str) -> TrainingConfig:
    return read_training_config(write(folder, **files))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x = dict(a=1, b=[True, None], c=('s', 2.5))", {"a": 1, "b": [True, None], "c": ("s", 2.5)}),
        ("x = {'a': -1, **dict(b=2)}", {"a": -1, "b": 2}),
        ("y = dict(a=1)\nx = dict(y, b=2)", {"a": 1, "b": 2}),
        ("y = dict(a=1)\nx = dict(b=2, **y)", {"a": 1, "b": 2}),
        ("codec = dict(size=(192, 256))\nx = codec['size']", (192, 256)),
        ("codec = dict(size=(192, 256))\nx = codec['size'][-1]", 256),
        ("root = 'data/coco'\nx = f'{root}/val.json'", "data/coco/val.json"),
        ("root = 'data/'\nx = root + 'val' 'idation'", "data/validation"),
        ("n = 420\nx = n // 2 - 7 % 4", 207),
        ("n = 4\nx = [1, 2] * 2 + [n / 8]", [1, 2, 1, 2, 0.5]),
        ("a, b = 1, 2\nx = (b, a)", (2, 1)),
        ("x: int = 3", 3),
        ("x = dict(a=1)\nx['b'] = 2\nx.update(c=3)", {"a": 1, "b": 2, "c": 3}),
        ("y = dict(a=1)\nx = y\ny['a'] = 2", {"a": 2}),
        ("y = [1, 2]\ny[0] = 5\nx = [*y, 3]", [5, 2, 3]),
        ("x = 1 if not False and 2 > 1 else 2", 1),
        ("x = None or 'first'", "first"),
        ("x = list((1, 2)) + [int(3.7)]", [1, 2, 3]),
        ("'''A docstring.'''\nimport os\nx = 1", 1),
        ("x = 1\nfor i in range(3):\n    y = i", 1),
        ("codec = dict(size=(192, 256))\nx = [s // 32 for s in codec['size']]", [6, 8]),
        ("codec = dict(size=(192, 256))\nx = tuple(s // 4 for s in codec['size'] if s > 200)", (64,)),
        ("mean = [103.53, 116.28, 123.675]\nx = [round(v) for v in mean[::-1]]", [124, 116, 104]),
        ("x = [(i, i + j) for i in range(2) for j in range(2)]", [(0, 0), (0, 1), (1, 1), (1, 2)]),
        ("x = {name: i for i, name in enumerate(['a', 'b'])}", {"a": 0, "b": 1}),
        ("x = [[i * len(row) for i in row] for row in [[1, 2], [3]]]", [[2, 4], [3]]),
        ("x = int(32 ** 0.5) + 10 ** 4 + max(1, 2) + sum(range(4))", 10013),
        (
            "x = []\nfor name in ['a', 'b']:\n    part = dict(file=f'{name}.json')\n    x.append(part)",
            [{"file": "a.json"}, {"file": "b.json"}],
        ),
        ("x = dict(a=1)\nfor k in x:\n    x[k] = 2", {"a": 2}),
        ("i = 7\nx = [i for i in range(2)] + [i]", [0, 1, 7]),
    ],
)
def test_what_the_text_tells(tmp_path: Path, text: str, value: Any) -> None:
    assert config(tmp_path, net=text).value("x") == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = get_flip()", r"net\.py, line 1: the call `get_flip\(\)` is not executed"),
        ("import torch\nx = torch.cuda.is_available()", "line 2: the call"),
        ("import os\nx = os.environ['FLIP']", "line 1: `os` is imported"),
        ("x = [f(i) for i in range(3)]", "line 1: the call `f\\(i\\)` is not executed"),
        ("x = [i for i in find()]", "line 1: the call `find\\(\\)` is not executed"),
        ("x = [i async for i in [1]]", "line 1: .* is not executed"),
        ("x = [i for i in range(9) for j in range(99999) for k in range(99999)]", "is not executed"),
        ("x = sum(range(10 ** 9))", "cannot be computed"),
        ("x = dict(a=1)\ny = [change(k) for k in [x]]", "may change this"),
        ("x = (-8) ** 0.5", "is not executed"),
        ("x = 1000000000 * 'a'", "is not executed"),
        ("x = {f(): 1 for _ in [1]}", "keys that are not known"),
        ("x = undefined", "line 1: `undefined` is not defined in this file"),
        ("x = 1\nif True:\n    x = 2", "line 2: `x` is set by code that is not executed"),
        ("x = dict(a=1)\nfor k in find():\n    x[k] = 2", "line 2: .* may change this"),
        ("x = dict(a=1)\nfor k in x:\n    x[k] = 2\n    break", "line 2: .* may change this"),
        ("x = []\nfor k in [1]:\n    if k:\n        x.append(k)", "line 3: .* may change this"),
        ("x = dict(a=1)\nchange(x)", r"line 2: `change\(x\)` is not executed and may change this"),
        ("y = dict(a=1)\nx = dict(y=y)\nchange(y)", "line 3: .* may change this"),
        ("x = dict(a=1)\ny = merge(x)", "line 2: .* may change this"),
        ("x = dict(a=1)\ndef f():\n    x['a'] = 2\nf()", "may change this"),
        ("x = dict(a=1)\nx.pop('a')", "may change this"),
        ("x = dict(a=1)\nx.update(**other)", "may change this"),
        ("x = dict(a=1)\nx[key()] = 1", "is not executed and may change this"),
        ("x = 1\nx += 1", "`x` is set by code that is not executed"),
        ("x = 1\ndel x", "`x` is set by code that is not executed"),
        ("x = '{{ fileDirname }}/a'", "the placeholder '{{ fileDirname }}/a' is not filled in"),
        ("x = 'a' * 10 ** 9", "is not executed"),
        ("y = 'aaaaaaaaaa' * 10000\ny = y + y\nx = y + 'a'", "`y \\+ 'a'` is not executed"),
        ("x = 2 ** 63 ** 99", "is not executed"),
        ("x = '%1000000000d' % 1", "is not executed"),
        ("x = 1 / 0", "`1 / 0` cannot be computed"),
        ("x = [1, 2][1.5:]", "cannot be computed"),
        ("x = [1, 2][5]", "is not known"),
        ("x = dict(a=1, **unknown)", "`unknown` is not defined"),
        ("x = {f(): 1}", "the call `f\\(\\)` is not executed|is not known"),
        ("x = (lambda: 1)()", "is not executed"),
        ("x = dict = 5\nx = dict(a=1)", "the call `dict\\(a=1\\)` is not executed"),
    ],
)
def test_what_the_text_does_not_tell(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UnreadError, match=reason):
        config(tmp_path, net=text).value("x")


def test_nothing_is_executed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"import pathlib\nx = pathlib.Path({str(mark)!r}).touch()\n[y for y in [open({str(mark)!r}, 'w')]]"
    read_training_config(write(tmp_path, net=text))
    assert not mark.exists()


def test_known_values_beside_unread_ones(tmp_path: Path) -> None:
    found = config(tmp_path, net="model = dict(head=make(), test_cfg=dict(flip_test=True), **more)")
    with pytest.raises(UnreadError):
        found.value("model", "test_cfg", "flip_test")  # `more` stands after it and may replace it
    found = config(tmp_path, net="model = dict(**more, head=make(), test_cfg=dict(flip_test=True))")
    assert found.value("model", "test_cfg", "flip_test") is True
    with pytest.raises(KeyError):
        found.value("model", "test_cfg", "other")
    with pytest.raises(UnreadError):
        found.value("model", "other")


def test_bases_are_merged_and_can_be_referred_to(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        net="""
            _base_ = ['base.py', 'data.py']
            model = dict(test_cfg=dict(flip_test=False), backbone=dict(_delete_=True, depth=18))
            size = _base_.codec.size
            info = dict(info={{_base_.info}})
        """,
        base="""
            codec = dict(size=(192, 256))
            model = dict(test_cfg=dict(flip_test=True, shift_heatmap=True), backbone=dict(depth=50, width=64))
        """,
        data="info = dict(classes=17)",
    )
    assert found.value("model") == {"test_cfg": {"flip_test": False, "shift_heatmap": True}, "backbone": {"depth": 18}}
    assert found.value("size") == (192, 256)
    assert found.value("info") == {"info": {"classes": 17}, "classes": 17}


def test_a_base_that_is_not_there_leaves_its_values_open(tmp_path: Path) -> None:
    found = config(tmp_path, net="_base_ = ['../gone.py']\nmodel = dict(test_cfg=dict(flip_test=True))")
    assert found.value("model", "test_cfg", "flip_test") is True
    for keys in (("codec",), ("model", "head")):
        with pytest.raises(UnreadError, match=r"net\.py: its base \.\./gone\.py is not there, expected at"):
            found.value(*keys)


def test_a_base_in_another_package_is_open(tmp_path: Path) -> None:
    found = config(tmp_path, net="_base_ = 'mmpose::hourglass.py'\nmodel = dict(a=1)")
    assert found.value("model", "a") == 1
    with pytest.raises(UnreadError, match=r"its base mmpose::hourglass\.py is not there"):
        found.value("codec")
    found = config(tmp_path, net="_base_ = find()\nx = 1")
    assert found.value("x") == 1
    with pytest.raises(UnreadError, match=r"the call `find\(\)`"):
        found.value("y")


def test_read_base_imports_names(tmp_path: Path) -> None:
    folder = tmp_path / "mmpose" / "configs" / "coco"
    folder.mkdir(parents=True)
    (folder.parent / "runtime.py").write_text("train_cfg = dict(epochs=1, interval=10)\nseed = 0\n_hidden = 1")
    (folder / "codec.py").write_text("codec = dict(size=(192, 256))\nother = 1")
    found = config(
        folder,
        net="""
            from mmengine.config import read_base
            with read_base():
                from mmpose.configs.runtime import *
                from .codec import codec as coder, missing
            from mmpose.models import Head
            train_cfg.update(epochs=2)
            model = dict(head=dict(type=Head, size=coder['size']), test_cfg=dict(flip_test=True))
        """,
    )
    assert found.value("train_cfg") == {"epochs": 2, "interval": 10}
    assert found.value("model", "head", "size") == (192, 256)
    assert found.value("model", "test_cfg", "flip_test") is True
    with pytest.raises(UnreadError, match="`Head` is imported"):
        found.value("model", "head", "type")
    with pytest.raises(UnreadError, match="the base has no `missing`"):
        found.value("missing")
    for name in ("other", "_hidden"):
        with pytest.raises(KeyError):
            found.value(name)


def test_read_base_of_what_is_not_there(tmp_path: Path) -> None:
    found = config(
        tmp_path,
        net="""
            before = 1
            with read_base():
                from .gone import *
            model = dict(base.settings, a=1)
        """,
    )
    assert found.value("model", "a") == 1
    for name in ("before", "test_cfg"):
        with pytest.raises(UnreadError, match=r"its base \.gone is not there"):
            found.value(name)


@pytest.mark.parametrize("suffix", ["json", "yaml", "yml"])
def test_json_and_yaml_with_a_python_base(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, base="model = dict(test_cfg=dict(flip_test=True, shift_heatmap=True))")
    path = tmp_path / f"net.{suffix}"
    path.write_text(json.dumps({"_base_": "base.py", "model": {"test_cfg": {"flip_test": False}}}))
    assert read_training_config(path).value("model", "test_cfg") == {"flip_test": False, "shift_heatmap": True}
    path.write_text(json.dumps({"_base_": 3, "x": 1}))
    with pytest.raises(UnreadError, match="`_base_` is not a list of paths"):
        read_training_config(path).value("y")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    def message(name: str, text: str | bytes | None) -> str:
        if text is not None:
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(ConfigError) as caught:
            read_training_config(tmp_path / name)
        return str(caught.value)

    assert "cannot be read: No such file" in message("gone.py", None)
    assert "is not Python" in message("bad.py", "x = (")
    assert "is not text in UTF-8 (byte 0)" in message("binary.py", b"\xff\xfe")
    assert "found a file of type .toml, expected .py, .yaml, .yml, .json" in message("net.toml", "x = 1")
    assert "is not JSON" in message("net.json", "{")
    assert "is not YAML" in message("net.yaml", "a: [")
    assert "is not YAML" in message("code.yaml", "!!python/object/apply:os.system ['true']")
    assert "found list, expected a mapping" in message("list.json", "[]")
    assert "inherits from itself" in message("loop.py", "_base_ = 'loop.py'")


CHAIN = range(1, 26)
TOO_LARGE = (
    "with all that it inherits, and with what it names several times written out, it has more than 1000000 values"
)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("net.py", "x = [1]\n" + "x = [x, x]\n" * 40, TOO_LARGE),
        ("net.py", "x = dict(a=1)\n" + "x = dict(a=x, b=x)\n" * 40, TOO_LARGE),
        ("net.py", "x = [1]\n" + "x = [deepcopy(x), deepcopy(x)]\n" * 40, TOO_LARGE),
        ("net.py", "x = []\nx.append(x)\n", "is nested too deeply to be read, or holds itself"),
        ("net.py", "x = {}\nx.update(a=x)\n", "is nested too deeply to be read, or holds itself"),
        ("net.py", "#" * 1_000_001, "it has 1000001 bytes, and may have 1000000"),
        ("net.yaml", "a: &a {b: *a}", "is nested too deeply to be read, or holds itself"),
        ("net.yaml", "b0: &b0 [x, x]\n" + "".join(f"b{n}: &b{n} [*b{n - 1}, *b{n - 1}]\n" for n in CHAIN), TOO_LARGE),
        ("net.yaml", "a: !!bool x", "is not YAML: a tag stands before what it does not fit"),
        ("net.yaml", "a: !!timestamp x", "is not YAML: a tag stands before what it does not fit"),
        ("net.yaml", "a: !!int ''", "is not YAML: a tag stands before what it does not fit"),
        ("net.yaml", 'a: "\\UFFFFFFFF"', "is not YAML: Python int too large"),
        ("net.yaml", "#" * 250_001, "it has 250001 bytes, and may have 250000"),
    ],
)
def test_a_config_that_asks_for_more_than_any_config_needs(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=re.escape(says)):
        read_training_config(tmp_path / name)


@pytest.mark.parametrize("suffix", ["py", "yaml"])
def test_bases_that_multiply(tmp_path: Path, suffix: str) -> None:
    for n in CHAIN:
        base = f"b{n + 1}.{suffix}"
        text = f"_base_ = ['{base}', './{base}']\n" if suffix == "py" else f"_base_: [{base}, ./{base}]\n"
        (tmp_path / f"b{n}.{suffix}").write_text(text)
    (tmp_path / f"b{max(CHAIN) + 1}.{suffix}").write_text("x = 1" if suffix == "py" else "x: 1")
    with pytest.raises(ConfigError, match=TOO_LARGE):
        read_training_config(tmp_path / f"b1.{suffix}")


def test_what_is_left_unread_for_its_size(tmp_path: Path) -> None:
    lines = [
        "a = 'ab'",
        *["a = f'{a}{a}'"] * 40,
        "b = [1]",
        *["b = [*b, *b]"] * 40,
        f"c = dict(_base_='{'x' * 5000}.py')",
    ]
    (tmp_path / "net.py").write_text("\n".join([*lines, "d = 0x" + "f" * 5000]))
    config = read_training_config(tmp_path / "net.py")
    for name in "ab":
        with pytest.raises(UnreadError):
            config.value(name)
    assert config.value("d") == math.inf
    (tmp_path / "heir.py").write_text(f"_base_ = '{'x' * 5000}.py'\n")
    with pytest.raises(UnreadError, match="is not there"):
        read_training_config(tmp_path / "heir.py").value("model")


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
LITERALS = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(LITERALS)
def test_any_literal_is_read_as_python_reads_it(value: Any) -> None:
    tree = ast.parse(f"x = {value!r}")
    found = PythonFile(tree, "net.py", lambda _: {}, Effort(Path("net.py"))).read(None)["x"]
    assert found == value or ("{{" in repr(value) and unread_in(found) is not None)


SHARED = """
    pipeline = [dict(type='Load'), dict(type='Resize', size=224)]
    again = pipeline
    loader = dict(dataset=dict(pipeline=pipeline))
"""


def test_a_list_that_a_file_names_twice_is_one_object_in_it(tmp_path: Path) -> None:
    found = config(tmp_path, net=f"{textwrap.dedent(SHARED)}\npipeline[1]['size'] = 192")
    for keys in (("pipeline",), ("again",), ("loader", "dataset", "pipeline")):
        assert found.value(*keys)[1]["size"] == 192


def test_what_a_child_edits_in_a_parent_is_the_parents_value_of_that_name_alone(tmp_path: Path) -> None:
    """As mmengine, which hands on each value by itself."""
    child = "_base_ = 'base.py'\n_base_['pipeline'][1]['size'] = 192"
    found = config(tmp_path, net=child, base=SHARED)
    assert found.value("pipeline")[1]["size"] == 192
    assert found.value("again")[1]["size"] == found.value("loader", "dataset", "pipeline")[1]["size"] == 224
    found = config(tmp_path, net="_base_ = 'middle.py'\n_base_.pipeline[1].size = 160", middle=child, base=SHARED)
    assert found.value("pipeline")[1]["size"] == 160
    assert found.value("loader", "dataset", "pipeline")[1]["size"] == 224


def test_what_a_child_edits_in_an_imported_base_is_its_own(tmp_path: Path) -> None:
    child = "with read_base():\n    from .base import *\npipeline[1].update(size=192)"
    found = config(tmp_path, net=child, base=SHARED)
    assert found.value("pipeline")[1]["size"] == 192
    assert found.value("again")[1]["size"] == found.value("loader", "dataset", "pipeline")[1]["size"] == 224


def test_a_deep_copy_shares_nothing(tmp_path: Path) -> None:
    found = config(tmp_path, net="import copy\nx = [dict(a=1)]\ny = copy.deepcopy(x)\ny[0]['a'] = 2")
    assert (found.value("x"), found.value("y")) == ([{"a": 1}], [{"a": 2}])
    with pytest.raises(KeyError):
        found.value("copy")
