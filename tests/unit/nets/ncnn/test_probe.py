from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.nets.ncnn.probe import probe
from pytest_quant.spec.errors import ModelFileError
from tests import tiny

SHAPE = (3, tiny.SIDE, tiny.SIDE)


def net(folder: Path, *, int8: bool = False) -> NcnnFiles:
    names = tiny.write_net(folder, "net", int8=int8)
    return NcnnFiles(param=folder / names["param"], bin=folder / names["bin"])


@pytest.fixture(autouse=True)
def _bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # children start faster


def test_a_sound_net_passes_and_one_that_gives_no_output_says_so(tmp_path: Path) -> None:
    files = net(tmp_path)
    probe(files, "data", SHAPE, ("prob",))
    with pytest.raises(ModelFileError) as caught:
        probe(files, "data", SHAPE, ("logits",))
    message = str(caught.value)
    assert "net.param with " in message
    assert "a trial run in a child process failed" in message
    assert "no output blob 'logits'" in message


def test_a_net_that_ends_the_process_is_a_message_here(tmp_path: Path) -> None:
    files = net(tmp_path, int8=True)
    files.bin.write_bytes(files.bin.read_bytes()[:-8])  # the scales at the end, which ncnn reads unchecked
    with pytest.raises(ModelFileError, match=r"died of SIG\w+: the .param and .bin do not fit each other"):
        probe(files, "data", SHAPE, ("prob",))


def test_a_net_that_never_ends_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"did not end within 0\.01 seconds"):
        probe(net(tmp_path), "data", SHAPE, ("prob",), timeout_s=0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the interpreter")
def test_what_the_child_printed_may_be_any_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nprintf 'bad \\377 layer\\n' >&2\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(ModelFileError, match="it printed: bad \ufffd layer"):
        probe(net(tmp_path), "data", SHAPE, ("prob",))
