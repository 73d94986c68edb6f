"""What the files of nets say is kept between collections."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.nets.format import StaticFacts
from pytest_quant.nets.known_facts import Bytes, KnownFacts
from pytest_quant.nets.ncnn import format as ncnn_format
from pytest_quant.spec.net import ModelNet
from tests import tiny
from tests.integration.runs import run_quant

KEPT = ("--quant-cache", "kept")


@pytest.fixture(autouse=True)
def project(pytester: pytest.Pytester) -> None:
    tiny.write_images(pytester.path, count=12)
    tiny.write_zoo(pytester.path)


def _count_walks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The nets that are walked from now on, by a process that knows nothing."""
    from pytest_quant.evaluation import kept_facts

    walked: list[Path] = []
    known, walk = KnownFacts(), ncnn_format._static_facts

    def counted(net: ModelNet, text: str, data: Bytes) -> StaticFacts:
        walked.append(ncnn_format.net_files(net).param)
        return walk(net, text, data)

    monkeypatch.setattr(ncnn_format, "_static_facts", counted)
    for module in (ncnn_format, kept_facts):
        monkeypatch.setattr(module, "KNOWN", known)
    return walked


def _collect(pytester: pytest.Pytester, *args: str) -> list[str]:
    lines = run_quant(pytester, "--collect-only", *args).text.splitlines()
    return [line for line in lines if "QuantCase" in line or "::" in line]


def test_a_second_collection_walks_nothing(pytester: pytest.Pytester) -> None:
    with pytest.MonkeyPatch.context() as patch:
        walked = _count_walks(patch)
        first = _collect(pytester, *KEPT)
        assert len(walked) == 2
    with pytest.MonkeyPatch.context() as patch:
        walked = _count_walks(patch)
        assert _collect(pytester, *KEPT) == first
        assert walked == []
    with pytest.MonkeyPatch.context() as patch:
        walked = _count_walks(patch)
        _collect(pytester, "--quant-no-cache")
        assert len(walked) == 2


def test_a_net_that_is_damaged_later_is_told_as_ever(pytester: pytest.Pytester) -> None:
    assert run_quant(pytester, *KEPT).status == 0
    (net,) = pytester.path.glob("*int8*.bin")
    net.write_bytes(net.read_bytes()[:-8])
    found = run_quant(pytester, *KEPT)
    assert found.status == 1
    assert found.report is not None
    (case,) = [case for case in found.report["cases"] if case["kind"] == "config"]
    plain = run_quant(pytester, "--quant-no-cache")
    assert plain.report is not None
    assert [one["reason"] for one in plain.report["cases"]] == [case["reason"]]
    assert "the file ends inside layer" in case["reason"]


def test_what_is_kept_is_damaged(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _collect(pytester, *KEPT)
    (file,) = (pytester.path / "kept" / "facts").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    walked = _count_walks(monkeypatch)
    assert _collect(pytester, *KEPT) == first
    assert len(walked) == 2
