"""Beside plugins that run tests again, in another order, or with a limit of time: the same verdicts and report."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tiny
from tests.integration.runs import run_quant

RETRYING = """
import pytest

@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    \"\"\"What pytest-retry does with every item that has failed.\"\"\"
    outcome = yield
    report = outcome.get_result()
    if call.when != "call" or call.excinfo is None or report.skipped:
        return
    hook = item.ihook
    fake = pytest.Class.from_parent(item.session, name="Fake")
    pytest.CallInfo.from_call(lambda: hook.pytest_runtest_teardown(item=item, nextitem=fake), when="teardown")
    report.outcome = "retried"
    hook.pytest_runtest_logreport(report=report)
    report.outcome = "failed"
    item._initrequest()
    pytest.CallInfo.from_call(lambda: hook.pytest_runtest_setup(item=item), when="setup")
    again = pytest.CallInfo.from_call(lambda: hook.pytest_runtest_call(item=item), when="call")
    second = pytest.TestReport.from_item_and_call(item, again)
    report.outcome, report.longrepr, report.duration = second.outcome, second.longrepr, second.duration

def pytest_report_teststatus(report):
    return ("retried", "R", "RETRY") if report.outcome == "retried" else None
"""

RERUNNING = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    \"\"\"What pytest-rerunfailures does.\"\"\"
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""

SHUFFLING = """
def pytest_collection_modifyitems(items):
    items[:] = items[1::2] + items[::2]
"""

TESTS = """
from pytest_quant import quant_model, quant_tolerance

@quant_model("tiny", "bad")
@quant_tolerance(top1=5.0)
def test_it(quant_scores): assert quant_scores.int8.top1 >= 0
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, count=60)
    (root / "test_it.py").write_text(TESTS)
    models = {"tiny": tiny.model_entry(root), "bad": tiny.write_bad_model(root), "broken": {"task": "classification"}}
    tiny.write_zoo(root, models)
    return root


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "n2"])
@pytest.mark.parametrize("plugin", [RETRYING, RERUNNING, SHUFFLING], ids=["retry", "rerun", "shuffled"])
def test_the_same_report(
    pytester: pytest.Pytester, project: Path, plugin: str, how: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    alone = run_quant(pytester, *how)
    (project / "conftest.py").write_text(plugin)
    found = run_quant(pytester, *how)
    assert "INTERNALERROR" not in found.text
    assert found.status == alone.status == pytest.ExitCode.TESTS_FAILED
    assert found.verdicts == alone.verdicts
    assert {name: case["reason"] for name, case in found.cases.items()} == {
        name: case["reason"] for name, case in alone.cases.items()
    }
    assert found.report is not None
    assert alone.report is not None
    for name, entry in alone.report["models"].items():
        assert found.report["models"][name]["metrics"] == entry["metrics"]


REPLACING = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    \"\"\"What pytest-rich does on a terminal; its own reporter asks nobody for a summary.\"\"\"
    config.pluginmanager.unregister(name="terminalreporter")
"""


def test_the_table_stands_below_a_reporter_of_others(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, 12)
    tiny.write_zoo(pytester.path)
    pytester.makeconftest(REPLACING)
    run = run_quant(pytester)
    assert [line.split()[:3] for line in run.text.splitlines() if line.startswith("tiny ")] == [
        ["tiny", "colours", "top1"]
    ]
    assert not run_quant(pytester, "-p", "no:terminal").text
