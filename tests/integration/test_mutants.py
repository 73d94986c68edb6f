"""Mutants of every kind of file as properties: what comes of one is fine, or a message; hypothesis shrinks the rest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.campaign import __main__ as campaign
from benchmarks.campaign import engines, nets, text
from benchmarks.campaign.answers import Differing, answer_of
from benchmarks.campaign.chance import Chance, Drawn, Fuzzed, chances
from benchmarks.campaign.outcome import MUST_NOT_BE, Budget, Try
from pytest_quant.nets.ncnn.net_files import NCNN, NcnnFiles
from pytest_quant.spec.net import InputSpec, ModelNet

ROOT = Path(__file__).parents[2]
bounded = settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", params=["nets", "text"])
def targets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[engines.Target]:
    folder = tmp_path_factory.mktemp(str(request.param))
    return nets.targets(folder) if request.param == "nets" else text.targets(folder)


def test_what_comes_of_a_mutant(targets: list[engines.Target]) -> None:
    assert len(targets) > 5
    for target in targets:
        _holds_for(target)


def _holds_for(target: engines.Target) -> None:
    @bounded
    @given(chances())
    def holds(chance: Drawn) -> None:
        found = target.attempt(chance)
        assert found.outcome not in MUST_NOT_BE, f"{target.kind}: {found.what}"

    holds()


@contextmanager
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(engines, "_BATCH", 60)
        yield


def test_what_must_not_be_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(chance: Chance) -> Try:
        number = chance.randrange(1000)
        return Try("numbers", "wrong" if number >= 100 else "fine", f"found {number}")

    with changed(monkeypatch):
        found = [one for one in engines._shrunk(engines.Target("numbers", attempt), 1) if one.outcome == "wrong"]
    assert [one.what for one in found] == ["found 100"]


def test_a_net_that_reads_beside_a_blob_gives_itself_away(tmp_path: Path) -> None:
    """A Crop that begins before each channel; it is opened without the check of what layers pass on.

    Channels of 9x10 values have a gap of 2 behind them, which nothing writes to and which these rows reach.
    """
    layers = [
        "Input data 0 1 data",
        "Convolution conv 1 1 data conv 0=4 1=1 5=0 6=12",
        "Padding p 1 1 conv a 0=1 1=1 2=1",
        "Crop k 1 1 a prob 0=1 1=-1 2=0 3=8 4=8 5=4",
    ]
    (tmp_path / "n.param").write_text("\n".join(["7767517", "4 4", *layers, ""]))
    (tmp_path / "n.bin").write_bytes(b"\0" * 4 + np.full(12, 0.1, "<f4").tobytes())
    files = NcnnFiles(param=tmp_path / "n.param", bin=tmp_path / "n.bin")
    taken = InputSpec("data", (8, 8), "rgb", (0.0,) * 3, (1.0,) * 3)
    net = ModelNet("fp32", NCNN, files, taken, ("prob",))
    with pytest.raises(Differing, match="where memory holds something else"):
        answer_of(net, np.ones((3, 8, 8), np.float32), "prob")


def test_bytes_make_the_same_mutant_again() -> None:
    one, two = Fuzzed(b"\x05\x01\x02"), Fuzzed(b"\x05\x01\x02")
    assert [one.randrange(4), one.choice("abc"), one.randbytes(3)] == [two.randrange(4), two.choice("abc"), b"\x02\0\0"]


def test_an_engine_that_is_not_installed_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit) as caught:
        campaign.main(["text", "--engine", "atheris"])
    assert caught.value.code == 2
    assert "the package atheris is not installed: pip install atheris" in capsys.readouterr().err


def test_atheris(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    told = tmp_path / "tries"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.campaign.fuzz", "text", ".table", "1", "0", str(told), "nets.ncnn.files"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    lines = told.read_text().splitlines()
    assert len(lines) > 20
    assert all('"kind": ".table"' in line for line in lines)
    assert not any(f'"outcome": "{bad}"' in line for line in lines for bad in MUST_NOT_BE)


def test_the_seeded_engine() -> None:
    tried = list(engines.explored("text", [_always_fine()], Budget(0.05, engine="seeded")))
    assert {one.outcome for one in tried} == {"fine"}


def _always_fine() -> engines.Target:
    return engines.Target("none", lambda _chance: Try("none", "fine"))
