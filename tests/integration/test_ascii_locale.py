"""A system whose names are ASCII, as cron jobs and small containers have it: no traceback, and a reason that helps."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests import tiny
from tests.integration.runs import PLAIN, UNCACHED, Run


@pytest.mark.parametrize("how", [(), ("-n2",)], ids=["serial", "n2"])
def test_names_beyond_ascii(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]) -> None:
    root = pytester.path
    (root / "pytest.ini").write_text("[pytest]\n")
    tiny.write_images(root, 20)
    far = tiny.model_entry(root, "far")
    far["fp32"] = tiny.write_net(root, "netz-für-größe")
    tiny.write_zoo(root, {"modèle☃": tiny.model_entry(root, "odd"), "far": far, "near": tiny.model_entry(root, "near")})
    for name, value in {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX"}.items():
        monkeypatch.setenv(name, value)
    found = Run(
        pytester.runpytest_subprocess("--quant", *PLAIN, *UNCACHED, "--quant-report", "report.json", *how), None
    )
    assert "Traceback" not in found.text
    assert "UnicodeEncodeError" not in found.text
    found = replace(found, report=json.loads((root / "report.json").read_bytes()))
    verdicts = found.verdicts
    odd = "mod\\xe8le\\u2603::config"
    assert verdicts == {
        odd: "error",
        "far::config": "error",
        "near::top1": "pass",
        "near::int8": "pass",
    }
    reasons = {name: case["reason"] for name, case in found.cases.items()}
    assert "found the model name" in reasons[odd]
    assert (
        "cannot be looked for: names of files are ascii here; PYTHONUTF8=1 makes that utf-8" in reasons["far::config"]
    )
