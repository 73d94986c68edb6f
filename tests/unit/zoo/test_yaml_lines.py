from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_quant.spec.errors import ZooError
from pytest_quant.spec.number import PrintedFloat
from pytest_quant.zoo import yaml_lines
from pytest_quant.zoo.yaml_lines import Document, read_yaml

TEXT = """\
version: 1
models:
  # a comment
  resnet:
    tolerance: {top1: 1.0}
    input:
      size:
        - 32
        - 16
  mobilenet: &other
    published: {fp32: {top1: 78.20}}
  alias: *other
"""


def read(folder: Path, text: str | bytes) -> Document:
    path = folder / "zoo.quant.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_yaml(path)


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((), "zoo.quant.yaml:1"),
        (("version",), "zoo.quant.yaml:1: version"),
        (("models", "resnet"), "zoo.quant.yaml:4: models.resnet"),
        (("models", "resnet", "tolerance", "top1"), "zoo.quant.yaml:5: models.resnet.tolerance.top1"),
        (("models", "resnet", "input", "size"), "zoo.quant.yaml:7: models.resnet.input.size"),
        (("models", "resnet", "input", "size", 1), "zoo.quant.yaml:9: models.resnet.input.size.1"),
        (("models", "resnet", "fp32"), "zoo.quant.yaml:4: models.resnet.fp32"),
        (("models", "resnet", "input", "blob"), "zoo.quant.yaml:6: models.resnet.input.blob"),
        (("models", "alias"), "zoo.quant.yaml:12: models.alias"),
        (("datasets", "x"), "zoo.quant.yaml:1: datasets.x"),
    ],
)
def test_where_a_key_stands(tmp_path: Path, keys: tuple[str | int, ...], expected: str) -> None:
    assert read(tmp_path, TEXT).where(keys) == expected


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    document = read(tmp_path, "")
    assert document.data is None
    assert document.line(("version",)) is None
    assert document.where(("version",)) == "zoo.quant.yaml: version"
    assert document.where(()) == "zoo.quant.yaml"


def test_numbers_remember_how_they_were_printed(tmp_path: Path) -> None:
    value = read(tmp_path, TEXT).data["models"]["mobilenet"]["published"]["fp32"]["top1"]
    assert isinstance(value, PrintedFloat)
    assert (value, value.text) == (78.2, "78.20")


def test_aliases_and_merges(tmp_path: Path) -> None:
    text = "base: &base {a: 1, b: 2}\nmodels:\n  one: {<<: *base, b: 3}\n  two: {<<: [*base, {c: 4}], <<: {d: 5}}\n"
    data = read(tmp_path, text).data
    assert data["models"]["one"] == {"a": 1, "b": 3}
    assert data["models"]["two"] == {"a": 1, "b": 2, "c": 4, "d": 5}


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert document.data == yaml.safe_load(TEXT)
    assert document.line(("models", "resnet")) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "zoo.quant.yaml:3: `a` stands here and on line 1: remove one"),
        ("a:\n  - {b: 1, b: 2}\n", "zoo.quant.yaml:2: `a.0.b` stands here and on line 2: remove one"),
        ("1: a\n'1': b\n", "zoo.quant.yaml:2: `1` stands here and on line 1: remove one"),
        ("a: [1\n", "zoo.quant.yaml:2: is not valid YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("? [a, b]\n: 1\n", "zoo.quant.yaml:1: is not valid YAML: while constructing a mapping, found unhashable key"),
        ("a: !!int x\n", "zoo.quant.yaml:1: is not valid YAML: invalid literal for int()"),
        ("a:\n  b: !!float x\n", "zoo.quant.yaml:2: is not valid YAML: could not convert string to float"),
        ("a: 2026-02-30\n", "zoo.quant.yaml:1: is not valid YAML: "),
        ("a: !!binary x\n", "zoo.quant.yaml:1: is not valid YAML: failed to decode base64 data"),
        ("a: !own x\n", "zoo.quant.yaml:1: is not valid YAML: could not determine a constructor for the tag '!own'"),
        ("a: !!python/object:os.system x\n", "zoo.quant.yaml:1: is not valid YAML: could not determine a constructor"),
        (
            "a: {<<: 3}\n",
            "zoo.quant.yaml:1: is not valid YAML: while constructing a mapping, expected a mapping or list",
        ),
        ("a: \x07\n", "zoo.quant.yaml: is not valid YAML: unacceptable character #x0007"),
        ("a: &x\n  b: *x\n", "zoo.quant.yaml:1: what stands here holds an alias of itself"),
        ("a: &x [{b: [*x]}]\n", "zoo.quant.yaml:1: what stands here holds an alias of itself"),
        ("a: &x {<<: *x}\n", "zoo.quant.yaml:1: what stands here holds an alias of itself"),
        ('a:\n  "x\\ud800y": 1\n', "zoo.quant.yaml:2: found '\\ud800', half of a surrogate pair, which is not text"),
        ("[" * 3000, "zoo.quant.yaml: is nested too deeply"),
        ("a:\n  !!bool x\n", "zoo.quant.yaml:2: is not valid YAML: found 'x' behind the tag tag:yaml.org,2002:bool, "),
        ("a: !!timestamp x\n", "zoo.quant.yaml:1: is not valid YAML: found 'x' behind the tag tag:yaml.org,2002:time"),
        ("a: !!int ''\n", "zoo.quant.yaml:1: is not valid YAML: found '' behind the tag tag:yaml.org,2002:int, "),
        ('a:\n - "\\UFFFFFFFF"\n', "zoo.quant.yaml:2: is not valid YAML: Python int too large"),
        ('a: "\\U00110000"\n', "zoo.quant.yaml:1: is not valid YAML: chr() arg not in range"),
        (f"%YAML 1.{'9' * 5000}\n---\na: 1\n", "zoo.quant.yaml:1: is not valid YAML: Exceeds the limit"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ZooError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(message)


def test_aliases_that_multiply_are_refused_before_they_are_built(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    with pytest.raises(
        ZooError, match=r"zoo\.quant\.yaml:6: with its aliases written out, .* more than 1000000 values"
    ):
        read(tmp_path, "\n".join(lines))


def test_the_same_anchor_many_times_is_no_bomb(tmp_path: Path) -> None:
    text = "input: &input {blob: data}\nmodels: [" + "*input, " * 500 + "]\n"
    assert len(read(tmp_path, text).data["models"]) == 500


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"^gone\.yaml: cannot be read: No such file or directory$"):
        read_yaml(tmp_path / "gone.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ZooError, match=r"^folder\.yaml: cannot be read: Is a directory$"):
        read_yaml(tmp_path / "folder.yaml")
    with pytest.raises(ZooError, match=r"^zoo\.quant\.yaml: is not UTF-8 text: invalid start byte at byte 3$"):
        read(tmp_path, b"a: \xff")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, max_examples=50)
@given(plain)
@example(-(2**63))
@example(2**63 - 1)
def test_plain_data_is_read_as_the_safe_loader_reads_it(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    text = yaml.safe_dump(data)
    assert read(tmp_path_factory.getbasetemp(), text).data == yaml.safe_load(text)


@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`, \n\t?<").map(str.encode))
def test_any_bytes_are_read_or_refused_with_the_file_named(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    message = ""
    try:
        read(tmp_path_factory.getbasetemp(), data)
    except ZooError as error:
        message = str(error)
    assert not message or "zoo.quant.yaml" in message


_PIECES = st.sampled_from(
    [*"abé:-[]{}|>'\"#%@`,?~1\n\t!", *("&x ", "*x ", "<<: ", "- ", "a: ", "\n  ", "1.5", "\r\n", "---", "...", "yes")]
)


@given(st.lists(_PIECES, max_size=14).map("".join))
@example("!")
@example("---")
@example("|#%")
@example("a: &x {b: 1.50}\nc: *x\nd: {<<: *x, e: [1, 2]}")
def test_libyaml_changes_nothing(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    assert _told(tmp_path_factory.getbasetemp(), text, is_fast=True) == _told(
        tmp_path_factory.getbasetemp(), text, is_fast=False
    )


def test_libyaml_is_used_where_it_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if yaml.__with_libyaml__:
        monkeypatch.setattr(yaml_lines, "_Loader", None)
    assert read(tmp_path, TEXT).data["version"] == 1


def _told(folder: Path, text: str, *, is_fast: bool) -> tuple[str, dict[tuple[str | int, ...], int]] | str:
    with pytest.MonkeyPatch.context() as patch:
        if not is_fast:
            patch.setattr(yaml_lines, "_FAST_LOADER", None)
        try:
            found = read(folder, text)
        except ZooError as error:
            return str(error)
    return repr(found.data), found.lines
