"""The script that reads every net and table under a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.files_in_the_wild import main
from tests.unit.nets.ncnn.files.nets import FLOAT_PARAM, write_net

TABLE = "conv_param_0 10 20 30 40\ndw_param_0 1 2 3 4\nfc_param_0 1 2 3 4 5 6 7 8 9 10\nconv 50\ndw 60\nfc 2\n"


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    zoo = Path("zoo")
    (zoo / "deep" / "er").mkdir(parents=True)
    param, binary = write_net(zoo / "deep" / "er")
    (zoo / "old.param").write_text("7767517\n2 2\nInput in 0 1 in0\nSoftmax s 1 1 in0 out0 0=1\n")
    (zoo / "many.param").write_text(FLOAT_PARAM.replace("6 7\n", "6 9\n"))
    (zoo / "cut.param").write_text(FLOAT_PARAM)
    (zoo / "cut.bin").write_bytes(binary.read_bytes()[:-4])
    (zoo / "x.pnnx.param").write_text("7767517\n1 1\n")
    (zoo / "deep" / "er" / "good.table").write_text(TABLE)
    (zoo / "bad.table").write_text(TABLE.replace("conv 50", "conv inf"))
    (zoo / "empty.table").write_text("")
    assert main([str(zoo)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"accepted  {param}" in lines
    accepted = lines[lines.index("accepted  zoo/many.param") + 1 :]
    assert accepted[0].strip() == "the header announces 9 blobs, the layers write 7: harmless"
    assert accepted[1].strip() == "many.bin is not there: the .param alone"
    refused = [line.removeprefix("refused  ") for line in lines if line.startswith("refused")]
    assert [line.partition(":")[0] for line in refused] == [
        *("zoo/cut.param", "zoo/old.param"),
        *("zoo/bad.table", "zoo/empty.table"),
    ]
    assert refused[1].startswith("zoo/old.param:4: layer 's' (Softmax): it has an axis (0=1) and lacks 1=1")
    assert lines[lines.index("accepted  zoo/deep/er/good.table") + 1].strip() == f"held against {param.name}"
    assert lines[-1] == "2 .param accepted, 2 .param refused, 1 .table accepted, 2 .table refused"


def test_without_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gone"]) == 2
    assert "usage: python -m benchmarks.files_in_the_wild FOLDER" in capsys.readouterr().err
