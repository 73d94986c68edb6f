"""Where tests in Python take their models from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import Run, run_quant

CODE = """
from pytest_quant import quant_tolerance

@quant_tolerance(top1=5.0)
def test_it(): pass
"""


def make_zoo(folder: Path, *names: str, file: str = "zoo.quant.yaml") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "list.txt").exists():
        tiny.write_images(folder, count=60)
    tiny.write_zoo(folder, {name: tiny.model_entry(folder, name) for name in names}, name=file)


def make_test(folder: Path, name: str = "test_it.py", code: str = CODE) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(code)


def ids(found: Run) -> list[str]:
    return [name for name in found.cases if "::test_it[" in name]


def problem(found: Run) -> str:
    """The reason of the only case that is wrong."""
    (case,) = (case for case in found.cases.values() if case["verdict"] == "error")
    text: str = case["reason"]
    return text


def test_zoo_files_in_the_folder_of_the_test_and_above_are_found(pytester: pytest.Pytester) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    make_zoo(root, "top")
    make_zoo(root / "a" / "b", "low", "lower", file="other.quant.yaml")
    make_zoo(root / "c", "aside")
    make_test(root / "a" / "b" / "tests", "test_deep.py")
    make_test(root / "a", "test_high.py")
    deep = ["a/b/tests/test_deep.py::test_it[low]", "a/b/tests/test_deep.py::test_it[lower]"]
    deep.append("a/b/tests/test_deep.py::test_it[top]")

    found = run_quant(pytester)
    assert ids(found) == [*deep, "a/test_high.py::test_it[top]"]
    assert found.status == 0

    for args in (["a/b/tests/test_deep.py"], ["a/b/tests"], [str(root / "a" / "b" / "tests" / "test_deep.py")]):
        assert ids(run_quant(pytester, *args)) == deep


def test_the_ini_option_names_zoo_files_by_pattern(pytester: pytest.Pytester) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\nquant_zoo =\n    zoos/*.quant.yaml\n    more/m.quant.yaml\n")
    make_zoo(root / "zoos", "one", file="1.quant.yaml")
    make_zoo(root / "zoos", "two", file="2.quant.yaml")
    make_zoo(root / "more", "three", file="m.quant.yaml")
    make_zoo(root / "tests", "near")  # not asked, since the option names others
    make_test(root / "tests")
    expected = [f"tests/test_it.py::test_it[{name}]" for name in ("one", "three", "two")]
    assert ids(run_quant(pytester, "tests/test_it.py")) == expected

    found = run_quant(pytester, "--quant-zoo", "zoos/2.quant.yaml", "tests/test_it.py")
    assert ids(found) == ["tests/test_it.py::test_it[two]"]
    found = run_quant(
        pytester, "--quant-zoo", "zoos/2.quant.yaml", "--quant-zoo", "more/m.quant.yaml", "tests/test_it.py"
    )
    assert ids(found) == ["tests/test_it.py::test_it[three]", "tests/test_it.py::test_it[two]"]


def test_a_path_on_the_command_line_is_relative_to_where_pytest_was_called(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    make_zoo(root / "sub" / "zoos", "one")
    make_test(root / "sub" / "tests")
    monkeypatch.chdir(root / "sub")
    found = run_quant(pytester, "--quant-zoo", "zoos/zoo.quant.yaml", "tests")
    assert ids(found) == ["sub/tests/test_it.py::test_it[one]"]


def test_a_zoo_option_that_names_nothing_is_a_usage_error(pytester: pytest.Pytester) -> None:
    make_test(pytester.path)
    found = run_quant(pytester, "--quant-zoo", "none.quant.yaml")
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert f"--quant-zoo: {pytester.path / 'none.quant.yaml'} does not exist" in found.errors
    (pytester.path / "pytest.ini").write_text("[pytest]\nquant_zoo = zoos/*.yaml\n")
    found = run_quant(pytester)
    assert found.status == pytest.ExitCode.USAGE_ERROR
    assert f"quant_zoo: 'zoos/*.yaml' matches no file below {pytester.path}" in found.errors


def test_without_any_zoo_the_test_fails(pytester: pytest.Pytester) -> None:
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    make_test(pytester.path / "tests")
    make_zoo(pytester.path / "aside", "one")
    found = run_quant(pytester, "tests")
    found.result.assert_outcomes(failed=1)
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert problem(found) == (
        "no zoo file found: no *.quant.yaml in tests or a folder above it; name one with --quant-zoo FILE or the ini "
        "option quant_zoo"
    )


def test_a_model_that_stands_in_two_zoo_files_is_refused_by_the_names_of_both(pytester: pytest.Pytester) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    make_zoo(root, "same", "other", file="one.quant.yaml")
    make_zoo(root / "tests", "same", file="two.quant.yaml")
    make_test(root / "tests")

    found = run_quant(pytester, "tests/test_it.py")
    assert found.verdicts == {"tests/test_it.py::test_it[other]": "pass", "tests/test_it.py::test_it[same]": "error"}
    for file in ("one.quant.yaml", "tests/two.quant.yaml"):
        assert file in problem(found)
    assert "same" in problem(found)

    found = run_quant(pytester)  # as zoo files too: the second one's model cannot be used
    assert found.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts == {
        "one.quant.yaml::same::top1": "pass",
        "one.quant.yaml::same::int8": "pass",
        "one.quant.yaml::other::top1": "pass",
        "one.quant.yaml::other::int8": "pass",
        "tests/two.quant.yaml::same::config": "error",
        "tests/test_it.py::test_it[other]": "pass",
        "tests/test_it.py::test_it[same]": "error",
    }
    message = found.cases["tests/two.quant.yaml::same::config"]["reason"]
    assert "one.quant.yaml" in message
    assert "tests/two.quant.yaml" in message


def test_a_broken_model_fails_the_tests_that_use_it_and_no_others(pytester: pytest.Pytester) -> None:
    root = pytester.path
    tiny.write_images(root)
    broken = tiny.model_entry(root, "broken", output="nothing")
    tiny.write_zoo(root, {"broken": broken, "sound": tiny.model_entry(root, "sound")})
    named = "\n@quant_model('sound')\n@quant_tolerance(top1=5.0)\ndef test_sound(): pass"
    make_test(root, code=CODE.replace("import", "import quant_model,") + named)
    found = run_quant(pytester, "test_it.py")
    assert found.verdicts == {
        "test_it.py::test_it[broken]": "error",
        "test_it.py::test_it[sound]": "pass",
        "test_it.py::test_sound[sound]": "pass",
    }
    assert "models.broken" in problem(found)
    assert "has no blob 'nothing'" in problem(found)


def test_a_zoo_file_that_cannot_be_read_fails_its_tests_once_each(pytester: pytest.Pytester) -> None:
    (pytester.path / "zoo.quant.yaml").write_text("version: 1\nmodels: [")
    make_test(pytester.path)
    found = run_quant(pytester)
    found.result.assert_outcomes(failed=2)
    assert set(found.verdicts.values()) == {"error"}
    assert "zoo.quant.yaml:2" in found.cases["test_it.py::test_it[config]"]["reason"]


def test_a_missing_dataset_skips_and_fails_under_strict(pytester: pytest.Pytester) -> None:
    root = pytester.path
    make_zoo(root, "one")
    zoo = root / "zoo.quant.yaml"
    zoo.write_text(zoo.read_text().replace("root: .", "root: absent"))
    make_test(
        root,
        code=f"{CODE}\ndef test_data(quant_dataset): pass\n\ndef test_scores(quant_scores): quant_scores.int8.top1\n",
    )

    found = run_quant(pytester, "-rs", "test_it.py")
    found.result.assert_outcomes(skipped=3)
    assert found.verdicts == {"test_it.py::test_it[one]": "skipped"}
    message = "dataset 'colours': the folder absent (`root`) does not exist; fetch the dataset"
    assert message in found.cases["test_it.py::test_it[one]"]["reason"]
    assert message in found.text
    assert "no accuracy case was decided" in found.text
    assert found.status == pytest.ExitCode.TESTS_FAILED

    found = run_quant(pytester, "--quant-strict", "test_it.py")
    found.result.assert_outcomes(failed=2, errors=1)
    assert found.verdicts == {"test_it.py::test_it[one]": "error"}
    assert f"--quant-strict: zoo.quant.yaml: {message}" in found.text
    assert found.status == pytest.ExitCode.TESTS_FAILED
