from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.zoo.environment import UnsetVariableError, expand, resolve_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data/cifar10", "data/cifar10"),
        ("${ROOT}", "/data"),
        ("${ROOT}/a/${NAME}.bin", "/data/a/resnet.bin"),
        ("${UNSET:-data}/cifar10", "data/cifar10"),
        ("${UNSET:-}cifar10", "cifar10"),
        ("${ROOT:-data}/cifar10", "/data/cifar10"),
        ("${EMPTY:-data}", "data"),
        ("${UNSET:-a b/c:d}", "a b/c:d"),
        ("$ROOT and {ROOT} and $", "$ROOT and {ROOT} and $"),
        ("${1X} ${ROOT-x}", "${1X} ${ROOT-x}"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, {"ROOT": "/data", "NAME": "resnet", "EMPTY": ""}) == expected


@pytest.mark.parametrize(("text", "name"), [("${A_1}/x", "A_1"), ("${B}${A}", "B"), ("${EMPTY}", "EMPTY")])
def test_a_variable_that_is_not_set(text: str, name: str) -> None:
    with pytest.raises(UnsetVariableError) as caught:
        expand(text, {"EMPTY": ""})
    assert caught.value.args == (name,)


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANT_TEST_ROOT", "/somewhere")
    assert expand("${QUANT_TEST_ROOT}/x") == "/somewhere/x"


@given(st.text().filter(lambda text: "${" not in text))
def test_text_without_variables_stays(text: str) -> None:
    assert expand(text, {}) == text


@given(st.text(alphabet=st.characters(exclude_characters="$"), min_size=1))
def test_a_value_is_not_expanded_again(value: str) -> None:
    assert expand("${A}", {"A": f"${{B}}{value}", "B": "no"}) == f"${{B}}{value}"


def test_paths_are_relative_to_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.delenv("QUANT_TEST_UNSET", raising=False)
    assert resolve_path("a/../b.bin", tmp_path) == tmp_path / "b.bin"
    assert resolve_path("../b.bin", tmp_path) == tmp_path.parent / "b.bin"
    assert resolve_path("/data/b.bin", tmp_path) == Path("/data/b.bin")
    assert resolve_path("~/b.bin", tmp_path) == Path("/home/somebody/b.bin")
    assert resolve_path("${QUANT_TEST_UNSET:-.}", tmp_path) == tmp_path


def test_symbolic_links_stay(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert resolve_path("link/x", tmp_path) == tmp_path / "link" / "x"
