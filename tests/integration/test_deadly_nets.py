"""A net that kills the process that runs it is its model's error; the run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_quant.evaluation import trials
from pytest_quant.nets.trial import trial
from tests import tiny
from tests.integration.runs import run_quant

DEADLY = """7767517
6 6
Input            data  0 1 data
Convolution      conv  1 1 data conv 0=4 1=1 5=1 6=12
Reshape          rows  1 1 conv rows 6="floor(exp(1.5)),floor(exp(4.17))"
Fold             far   1 1 rows far 1=64 11=1 20=4000 21=4000
Pooling          pool  1 1 far pool 0=1 4=1
Softmax          prob  1 1 pool prob
"""
"""The walk does not follow what each library rounds in its own way; the Fold reads gigabytes behind the Reshape."""


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setattr(trials, "_found", {})
    folder = pytester.path
    tiny.write_images(folder, 12)
    entry = tiny.model_entry(folder, "deadly", tolerance={"top1": 9.0})
    (folder / "deadly.param").write_text(DEADLY)
    tiny.write_zoo(folder, {"deadly": entry, "sound": tiny.model_entry(folder, "sound", tolerance={"top1": 9.0})})
    return folder


@pytest.mark.parametrize("how", [(), ("-n2",), ("-n2", "--max-worker-restart=0")], ids=" ".join)
def test_the_model_fails_with_the_signal_and_the_others_are_decided(
    pytester: pytest.Pytester, how: tuple[str, ...]
) -> None:
    run = run_quant(pytester, *how)
    expected = {"deadly::top1": "error", "deadly::int8": "pass", "sound::top1": "pass", "sound::int8": "pass"}
    assert run.verdicts == expected
    reason = run.cases["deadly::top1"]["reason"]
    assert reason.startswith("deadly.param with deadly.bin: a trial run in a child process died of SIG")
    assert "the files are damaged, or do not fit each other or this runtime (it printed: " in reason
    assert reason in run.text
    assert run.status == pytest.ExitCode.TESTS_FAILED


def test_the_verdict_is_kept_and_a_changed_file_is_tried_anew(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = trial.try_net

    def counted(net_format, net, *rest):  # type: ignore[no-untyped-def]
        asked.append(net.entry.param.stem)
        return original(net_format, net, *rest)

    monkeypatch.setattr(trials, "try_net", counted)
    options = ("--quant-cache", "cache")
    first = run_quant(pytester, *options)
    assert sorted(asked) == ["deadly", "sound", "sound-int8"]  # deadly-int8 is not asked for any more
    asked.clear()
    monkeypatch.setattr(trials, "_found", {})
    second = run_quant(pytester, *options)
    assert not asked
    assert second.cases["deadly::top1"]["reason"] == first.cases["deadly::top1"]["reason"]
    tiny.write_net(project, "deadly")
    assert run_quant(pytester, *options).verdicts["deadly::top1"] == "pass"
    assert not asked  # equal to sound
    path = project / "deadly.bin"
    path.write_bytes(path.read_bytes()[:-4] + np.float32(0.25).tobytes())
    run_quant(pytester, *options)
    assert asked == ["deadly"]
