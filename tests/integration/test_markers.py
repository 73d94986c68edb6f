"""Markers on tests in Python: which tests there are, and what their limits do."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.integration.runs import Run, run_inside, run_quant

IMPORTS = """
import pytest
from pytest_quant import quant_floor, quant_model, quant_require, quant_tolerance
"""


@pytest.fixture(autouse=True)
def zoo(pytester: pytest.Pytester) -> None:
    """Models `good` (drop 1.67 points) and `bad` (drop about 78 points), both around 87 % in fp32."""
    folder = pytester.path / "zoo"
    folder.mkdir()
    tiny.write_images(folder)
    tiny.write_zoo(folder, {"good": tiny.model_entry(folder, "good"), "bad": tiny.write_bad_model(folder)})


def run(pytester: pytest.Pytester, code: str, *args: str) -> Run:
    """Run tests with these contents against the zoo; ids are then those of ``test_it.py``."""
    (pytester.path / "test_it.py").write_text(IMPORTS + code)
    return run_quant(pytester, "-rA", "--quant-zoo", "zoo/zoo.quant.yaml", "test_it.py", *args)


def outcomes(found: Run) -> dict[str, str]:
    """Test to outcome, as pytest's summary tells."""
    lines = (line.split(" - ")[0].split(" ", 1) for line in found.result.outlines)
    words = ("PASSED", "FAILED", "SKIPPED", "XFAIL", "XPASS", "ERROR")
    return {line[1].removeprefix("test_it.py::"): line[0].lower() for line in lines if line[0] in words}


def reason(found: Run, name: str) -> str:
    """The reason in the report of the only case of a test."""
    text: str = found.cases[f"test_it.py::{name}"]["reason"]
    return text


def test_each_test_runs_once_for_each_of_its_models(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@quant_model("good")
@quant_tolerance(top1=5.0)
def test_with_argument(quant_scores):
    assert quant_scores.int8.top1 > 70.0

@quant_model("good", "bad", "good")
@quant_tolerance(top1=5.0)
def test_without_argument(): pass

@quant_tolerance(top1=5.0)
def test_every_model(): pass

@pytest.mark.quant_floor(top1=50.0)
def test_plain_mark(): pass

def test_fixture_alone(ncnn_fp32, ncnn_int8, quant_dataset): pass

def test_not_ours(): pass
""",
        "--strict-markers",
    )
    assert outcomes(found) == {
        "test_with_argument[good]": "passed",
        "test_without_argument[good]": "passed",
        "test_without_argument[bad]": "failed",
        "test_every_model[bad]": "failed",
        "test_every_model[good]": "passed",
        "test_plain_mark[bad]": "failed",
        "test_plain_mark[good]": "passed",
        "test_fixture_alone[bad]": "passed",
        "test_fixture_alone[good]": "passed",
        "test_not_ours": "passed",
    }
    assert found.status == pytest.ExitCode.TESTS_FAILED
    case = found.cases["test_it.py::test_without_argument[bad]"]
    assert (case["model"], case["metric"], case["kind"], case["limit"]) == ("bad", "top1", "tolerance", 5.0)
    assert (case["verdict"], case["outcome"]) == ("fail", "failed")
    assert "drop = 86.67 - 8.33 = 78.33 points" in case["reason"]
    assert f"FAIL: {case['reason']}" in found.text
    assert "test_it.py::test_fixture_alone[good]" not in found.cases  # no limit, no verdict
    assert not [name for name in found.cases if "test_not_ours" in name]


def test_classes_modules_and_nearer_markers(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
pytestmark = [quant_model("good"), quant_tolerance(top1=1.0)]

def test_of_the_module(): pass

class TestIt:
    @quant_tolerance(top1=5.0)
    def test_nearer_limit(self): pass

    @quant_floor(top1=50.0)
    def test_another_limit_is_added(self): pass

@quant_model("bad")
class TestOther:
    def test_nearer_model(self, quant_spec):
        assert quant_spec.name == "bad"
""",
    )
    assert outcomes(found) == {
        "test_of_the_module[good]": "failed",
        "TestIt::test_nearer_limit[good]": "passed",
        "TestIt::test_another_limit_is_added[good]": "failed",
        "TestOther::test_nearer_model[bad]": "failed",
    }
    assert found.report is not None
    added = [case for case in found.report["cases"] if "another" in case["id"]]
    assert [(case["kind"], case["limit"], case["verdict"]) for case in added] == [
        ("floor", 50.0, "pass"),
        ("tolerance", 1.0, "fail"),
    ]
    assert found.cases["test_it.py::TestIt::test_nearer_limit[good]"]["limit"] == 5.0


def test_own_parametrization_and_own_fixtures_stay(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@pytest.fixture(params=["a", "b"])
def letter(request): return request.param

@pytest.fixture
def int8_top1(quant_scores): return quant_scores.int8.top1

@quant_model("good")
@pytest.mark.parametrize("number", [1, 2])
@quant_tolerance(top1=5.0)
def test_numbers(number, letter):
    assert number in (1, 2)
    assert letter in "ab"

@quant_model("good")
def test_through_a_fixture(int8_top1):
    assert int8_top1 > 70
""",
    )
    found.result.assert_outcomes(passed=5)
    names = [name for name in outcomes(found) if name.startswith("test_numbers[")]
    assert sorted(sorted(name[13:-1].split("-")) for name in names) == [
        sorted(["good", number, letter]) for number in "12" for letter in "ab"
    ]
    assert len(found.cases) == 4
    assert outcomes(found)["test_through_a_fixture[good]"] == "passed"


BAD_MARKERS = {
    '@quant_model("god")': "@quant_model: no model 'god' in the zoo. Did you mean `good`? Its models: bad, good",
    "@quant_model()": "@quant_model: found no name, expected one or more; leave the marker out for every model",
    "@pytest.mark.quant_model": "@quant_model: found no name, expected one or more",
    "@quant_model": "@quant_model: found no name, expected one or more",
    "@quant_model(3)": "@quant_model: found 3 (int), expected the name of a model",
    '@pytest.mark.quant_model(name="good")': "@quant_model: found the keyword name, expected names of models only",
    "@quant_tolerance(1.0)": "@quant_tolerance: found the positional argument 1.0, expected keywords only, such as "
    "@quant_tolerance(top1=1.0)",
    "@quant_floor(94.0)": "@quant_floor: found the positional argument 94.0",
    "@quant_require(False)": "@quant_require: found the positional argument False",
    "@quant_tolerance()": "@quant_tolerance: found no argument, so it limits nothing",
    "@quant_tolerance": "@quant_tolerance: found no argument, so it limits nothing",
    "@quant_tolerance(top=1.0)": "@quant_tolerance: unknown metric 'top'. Did you mean `top5`? Known metrics: top1,",
    "@quant_floor(top_1=90.0)": "@quant_floor: unknown metric 'top_1'. Did you mean `top1`?",
    "@quant_tolerance(top1=15.0)": "@quant_tolerance(top1=...): found 15.0, which is 15 % of the range 0 to 100: "
    "probably a unit mistake",
    '@quant_tolerance(top1="1")': "@quant_tolerance(top1=...): found '1', expected a number in the metric's own unit",
    "@quant_tolerance(top1=-1)": "@quant_tolerance(top1=...): found -1, expected 0 or more",
    "@quant_tolerance(top1=True)": "@quant_tolerance(top1=...): found True (bool), expected a number",
    "@quant_tolerance(top1=None)": "@quant_tolerance(top1=...): found nothing, expected a number",
    '@quant_tolerance(top1=float("nan"))': "@quant_tolerance(top1=...): found nan, expected a finite number",
    "@quant_floor(top1=0.94)": "@quant_floor(top1=...): found 0.94, expected percent from 0 to 100: probably a unit "
    "mistake (write 94 for 94 %)",
    "@quant_floor(hmean=79.5)": "@quant_floor(hmean=...): found 79.5, expected hmean from 0 to 1 (write 0.795 for "
    "79.5 %)",
}


def test_a_misspelled_marker_is_an_error_with_a_suggestion(pytester: pytest.Pytester) -> None:
    code = """
@pytest.mark.quant_tolerence(top1=1.0)
def test_it(): pass

@pytest.mark.quantum
def test_other(): pass
"""
    found = run(pytester, code, "-W", "ignore::pytest.PytestUnknownMarkWarning")
    assert "@pytest.mark.quant_tolerence: unknown marker. Did you mean `quant_tolerance`?" in found.text
    assert outcomes(found) == {"test_it": "failed", "test_other": "passed"}


def test_a_bad_marker_makes_its_test_fail_and_no_other(pytester: pytest.Pytester) -> None:
    code = "\n".join(f"{marker}\ndef test_{index}(): pass" for index, marker in enumerate(BAD_MARKERS))
    found = run(pytester, f"{code}\n@quant_model('good')\n@quant_tolerance(top1=5.0)\ndef test_good(): pass")
    assert found.status == pytest.ExitCode.TESTS_FAILED
    found.result.assert_outcomes(passed=1, failed=len(BAD_MARKERS))
    for index, (marker, message) in enumerate(BAD_MARKERS.items()):
        case = found.cases[f"test_it.py::test_{index}[config]"]
        assert case["reason"].startswith(message), marker
        assert (case["kind"], case["verdict"], case["outcome"]) == ("config", "error", "failed")
        assert message in found.text.replace("\n", " "), marker
    assert "Traceback" not in found.text


def test_a_metric_or_condition_that_the_task_has_not(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@quant_model("good")
@quant_tolerance(hmean=0.01)
def test_metric(): pass

@quant_tolerance(AP=0.01)
def test_no_model_has_it(): pass

@quant_model("good")
@quant_require(resize_backnd="opencv")
def test_condition(): pass
""",
    )
    assert reason(found, "test_metric[good]") == (
        "the task classification of good has no metric 'hmean'; it has top1, top5"
    )
    assert reason(found, "test_no_model_has_it[config]") == (
        "no model of the zoo has a task with the metric AP; its models: bad (classification), good (classification)"
    )
    text = reason(found, "test_condition[good]")
    assert text.startswith(
        "@quant_require: the task classification of good has no condition 'resize_backnd'. Did you mean "
        "`resize_backend`? Its conditions: runtime, seed, samples, total, "
    )
    found.result.assert_outcomes(failed=3)


def test_conditions_are_required_as_they_are(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@quant_model("good")
@quant_require(resize_backend="pillow", samples=60, runtime="reference")
def test_holds(): pass

@quant_model("good")
@quant_require(resize_backend="opencv")
def test_differs(): pass
""",
    )
    assert outcomes(found) == {"test_holds[good]": "passed", "test_differs[good]": "failed"}
    assert reason(found, "test_differs[good]") == "condition resize_backend: found 'pillow', required 'opencv'"


def test_every_broken_limit_of_a_test_is_told(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@quant_model("bad")
@quant_tolerance(top1=5.0)
@quant_floor(top1=80.0)
@quant_require(samples=10)
def test_it(): pass
""",
    )
    found.result.assert_outcomes(failed=1)
    assert found.report is not None
    cases = [(case["kind"], case["metric"], case["verdict"]) for case in found.report["cases"]]
    assert cases == [
        ("floor", "top1", "fail"),
        ("require", None, "fail"),
        ("tolerance", "top1", "fail"),
    ]
    for words in ("drop = 86.67 - 8.33", "int8 top1 = 8.33", "condition samples: found 60, required 10"):
        assert f"FAIL: {words}" in found.text


def test_limits_are_decided_after_the_body_has_passed_and_not_otherwise(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@quant_model("bad")
@quant_tolerance(top1=5.0)
def test_body_fails(): assert 1 == 2, "the body"

@quant_model("bad")
@quant_tolerance(top1=5.0)
def test_body_skips(): pytest.skip("not today")

@pytest.fixture
def broken(): raise OSError("no fixture")

@quant_model("bad")
@quant_tolerance(top1=5.0)
def test_setup_fails(broken): pass
""",
    )
    assert outcomes(found) == {
        "test_body_fails[bad]": "failed",
        "[1] test_it.py:11: not today": "skipped",
        "test_setup_fails[bad]": "error",
    }
    assert "drop =" not in found.text
    assert found.verdicts == {
        "test_it.py::test_body_fails[bad]": "skipped failed",
        "test_it.py::test_body_skips[bad]": "skipped",
        "test_it.py::test_setup_fails[bad]": "error",
    }
    assert reason(found, "test_body_skips[bad]") == "Skipped: not today"
    assert str(pytester.path) not in str([case["reason"] for case in found.cases.values()])


def test_own_skip_and_xfail_marks(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
@pytest.mark.xfail(reason="known", strict=True)
@quant_model("good", "bad")
@quant_tolerance(top1=5.0)
def test_xfail(): pass

@pytest.mark.xfail(reason="lenient")
@quant_model("good")
@quant_tolerance(top1=5.0)
def test_xpass(): pass

@pytest.mark.skip(reason="later")
@quant_model("good")
@quant_tolerance(top1=5.0)
def test_skip(): pass

@pytest.mark.skip(reason="later")
@quant_model("nonsense")
def test_skip_of_what_is_broken(): pass
""",
    )
    found.result.assert_outcomes(xfailed=1, failed=1, xpassed=1, skipped=2)
    cases = {name.removeprefix("test_it.py::"): case for name, case in found.cases.items()}
    assert [
        (cases[f"test_xfail[{model}]"]["verdict"], cases[f"test_xfail[{model}]"]["outcome"])
        for model in ("bad", "good")
    ] == [
        ("fail", "xfailed"),
        ("pass", "xpassed"),
    ]
    assert (cases["test_xpass[good]"]["verdict"], cases["test_xpass[good]"]["outcome"]) == ("pass", "xpassed")
    assert (cases["test_skip[good]"]["verdict"], cases["test_skip[good]"]["outcome"]) == ("skipped", "skipped")
    assert cases["test_skip[good]"]["reason"] == "Skipped: later"


def test_xfail_does_not_hide_a_marker_that_is_wrong(pytester: pytest.Pytester) -> None:
    found = run(pytester, "@pytest.mark.xfail\n@quant_tolerance(1.0)\ndef test_it(): pass")
    found.result.assert_outcomes(failed=1)


def test_unittest_methods_fail_with_a_message(pytester: pytest.Pytester) -> None:
    found = run(
        pytester,
        """
import unittest

class TestOld(unittest.TestCase):
    @quant_model("good")
    @quant_tolerance(top1=5.0)
    def test_it(self): pass

    def test_not_ours(self): pass
""",
    )
    found.result.assert_outcomes(failed=1, passed=1)
    message = "markers and fixtures of pytest-quant work in test functions and in methods of plain classes only"
    assert reason(found, "TestOld::test_it") == message


def test_limits_that_come_too_late_fail_instead_of_being_passed_over(pytester: pytest.Pytester) -> None:
    (pytester.path / "conftest.py").write_text("""
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "later" in item.name:
            item.add_marker(pytest.mark.quant_tolerance(top1=1.0))
""")
    found = run(
        pytester,
        """
@quant_model("bad")
@pytest.mark.parametrize("x", [pytest.param(1, marks=quant_tolerance(top1=5.0))])
def test_param(x): print("this body must not run")

@quant_model("bad")
def test_later(): pass

def test_later_alone(): pass
""",
    )
    assert "passed" not in outcomes(found).values()
    found.result.assert_outcomes(failed=3)
    assert "Captured stdout" not in found.text
    assert "stand on the test function, its class or its module" in found.text


def test_a_fixture_asked_for_while_running_fails_with_a_message(pytester: pytest.Pytester) -> None:
    found = run(pytester, "def test_it(request): request.getfixturevalue('ncnn_fp32')")
    found.result.assert_outcomes(failed=1)
    assert "pytest-quant's fixtures must be arguments of the test or of its fixtures" in found.text


def test_m_selects_accuracy_tests_and_problems_keep_their_own_marks(pytester: pytest.Pytester) -> None:
    code = """
@pytest.mark.slow
@quant_model("good")
@quant_tolerance(top1=5.0)
def test_good(): pass

@pytest.mark.slow
@quant_tolerance(top=5.0)
def test_wrong(): pass

def test_not_ours(): pass
"""
    pytester.makeini("[pytest]\nmarkers = slow")
    found = run(pytester, code, "-m", "quant", "--strict-markers")
    found.result.assert_outcomes(passed=1, failed=1, deselected=1)
    found = run(pytester, code, "-m", "slow", "--strict-markers")
    found.result.assert_outcomes(passed=1, failed=1, deselected=1)
    found = run(pytester, code, "-m", "not quant", "--strict-markers")
    found.result.assert_outcomes(passed=1, deselected=2)
    found = run(pytester, code, "-k", "test_good and good")
    found.result.assert_outcomes(passed=1, deselected=2)


def test_ids_select_one_model(pytester: pytest.Pytester) -> None:
    (pytester.path / "test_it.py").write_text(f"{IMPORTS}@quant_tolerance(top1=5.0)\ndef test_it(): pass")
    found = run_quant(pytester, "--quant-zoo", "zoo/zoo.quant.yaml", "test_it.py::test_it[good]")
    found.result.assert_outcomes(passed=1)
    assert list(found.cases) == ["test_it.py::test_it[good]"]


def test_markers_are_registered_with_and_without_quant(pytester: pytest.Pytester) -> None:
    for args in ((), ("--quant",)):
        text = run_inside(pytester, "--markers", *args).stdout.str()
        for name in ("quant:", "quant_model(", "quant_tolerance(", "quant_floor(", "quant_require("):
            assert f"@pytest.mark.{name}" in text


def test_without_quant_each_is_skipped_and_no_zoo_is_read(pytester: pytest.Pytester) -> None:
    (pytester.path / "zoo" / "zoo.quant.yaml").write_text("{ not yaml at all")
    (pytester.path / "test_it.py").write_text(f"""{IMPORTS}
import unittest

@quant_model("nonsense")
@quant_tolerance(nonsense=1.0)
def test_marked(): raise AssertionError

def test_fixture(ncnn_int8): raise AssertionError

@pytest.fixture
def runner(ncnn_fp32): return ncnn_fp32

def test_through_a_fixture(runner): raise AssertionError

class TestOld(unittest.TestCase):
    @quant_tolerance(top1=5.0)
    def test_it(self): raise AssertionError

def test_not_ours(): pass
""")
    result = run_inside(pytester, "-rs", "--strict-markers", "-W", "error", "-p", "no:hypothesispytest")
    result.assert_outcomes(passed=1, skipped=5)
    assert result.ret == 0
    assert result.stdout.str().count("accuracy cases run with --quant") >= 1
    result = run_inside(pytester, "-m", "quant", "test_it.py")
    result.assert_outcomes(skipped=4, deselected=1)
