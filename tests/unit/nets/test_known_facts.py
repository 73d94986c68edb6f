from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.nets import known_facts
from pytest_quant.nets.format import StaticFacts
from pytest_quant.nets.known_facts import Bytes, KnownFacts, Touched, joined
from pytest_quant.nets.ncnn import format as ncnn_format
from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.param import Param
from pytest_quant.nets.ncnn.format import NcnnFormat
from pytest_quant.nets.ncnn.net_files import NcnnFiles
from pytest_quant.spec.errors import ModelFileError, QuantError
from pytest_quant.spec.net import InputSpec, ModelNet

from .ncnn.files.nets import FLOAT_PARAM, RUNNING_INT8_PARAM, float_bin, int8_bin

INT8_NET = RUNNING_INT8_PARAM.encode(), int8_bin(top_scale=False)


class Looker:
    """Finds the first two bytes and the last one, and counts how often it looked."""

    def __init__(self) -> None:
        self.looks = 0

    def __call__(self, data: Bytes) -> StaticFacts:
        self.looks += 1
        if data[:2] == b"no":
            raise ModelFileError("no")
        return StaticFacts(notes=(str([*data[:2], *data[len(data) - 1 :]]),), output_channels={"out0": 3})


def test_what_was_looked_at_decides() -> None:
    known, look = KnownFacts(), Looker()
    first = known.find("net", b"abcd", look)
    assert known.find("net", b"abXd", look) is first  # nobody looked at the third byte
    assert look.looks == 1
    for key, data in (("net", b"Xbcd"), ("net", b"abcX"), ("net", b"abcdd"), ("other", b"abcd")):
        count = look.looks
        assert known.find(key, data, look) == Looker()(data)
        assert look.looks == count + 1


def test_what_is_wrong_is_found_each_time() -> None:
    known, look = KnownFacts(), Looker()
    for count in (1, 2):
        with pytest.raises(ModelFileError):
            known.find("net", b"no..", look)
        assert look.looks == count


def test_what_is_kept_comes_back() -> None:
    known, look = KnownFacts(), Looker()
    with known.noting() as used:
        found = known.find("net", b"abcd", look)
    other = KnownFacts()
    assert other.load(known.dumped(used)) == used
    assert other.find("net", b"ab.d", look) == found
    assert look.looks == 1
    assert other.by_key == known.by_key


@pytest.mark.parametrize(
    "content", [b"", b"[", b"3", b"[[1]]", b'[["a", 1, "zz", "b", {}]]', b'[["a",1,"","b",{"x":1}]]']
)
def test_what_is_no_fact_is_left_out(content: bytes) -> None:
    known = KnownFacts()
    assert known.load(content) == set()
    assert not any(digests for places in known.by_key.values() for digests in places.values())


def _net(folder: Path, files: tuple[bytes, bytes]) -> ModelNet:
    for suffix, content in zip((".param", ".bin"), files, strict=True):
        (folder / f"net{suffix}").write_bytes(content)
    entry = NcnnFiles(param=folder / "net.param", bin=folder / "net.bin")
    return ModelNet("int8", "ncnn", entry, InputSpec("in0", (4, 4), "rgb", (0.0,) * 3, (1.0,) * 3), ("out0",))


def _told(net: ModelNet) -> StaticFacts | str:
    try:
        return NcnnFormat().inspect(net)
    except QuantError as error:
        return str(error)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("net")


@given(st.integers(0, 1), st.integers(0, len(INT8_NET[1]) - 1), st.integers(0, 255), st.booleans())
def test_a_changed_byte_is_found_as_if_nothing_were_known(
    folder: Path, which: int, at: int, value: int, cut: bool
) -> None:
    files = [bytearray(part) for part in INT8_NET]
    at %= len(files[which])
    files[which][at] = value
    if cut:
        del files[which][at:]
    changed = (bytes(files[0]), bytes(files[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ncnn_format, "KNOWN", KnownFacts())
        expected = _told(_net(folder, changed))
        patch.setattr(ncnn_format, "KNOWN", KnownFacts())
        assert isinstance(_told(_net(folder, INT8_NET)), StaticFacts)
        assert _told(_net(folder, changed)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"input": InputSpec("in0", (4, 4), "gray", (0.0,), (1.0,))},
        {"input": InputSpec("in1", (4, 4), "rgb", (0.0,) * 3, (1.0,) * 3)},
        {"input": InputSpec("in0", (5, 4), "rgb", (0.0,) * 3, (1.0,) * 3)},
        {"outputs": ("none",)},
        {"output_names": ("none",)},
    ],
)
def test_another_entry_is_another_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, InputSpec]
) -> None:
    net = _net(tmp_path, (FLOAT_PARAM.encode(), float_bin()))
    other = replace(net, **changes)  # type: ignore[arg-type]
    monkeypatch.setattr(ncnn_format, "KNOWN", KnownFacts())
    expected = _told(other)
    monkeypatch.setattr(ncnn_format, "KNOWN", KnownFacts())
    assert _told(net) != expected
    assert _told(other) == expected


def test_names_of_layers_make_no_difference_but_to_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[str] = []

    def follow(param: Param, inputs: Mapping[str, MaybeShape], outputs: Sequence[str]) -> None:
        followed.append(param.layers[1].name)
        check_flow(param, inputs, outputs)

    monkeypatch.setattr(ncnn_format, "KNOWN", KnownFacts())
    monkeypatch.setattr(ncnn_format, "check_flow", follow)
    param = FLOAT_PARAM.replace("     conv ", "     {} ")
    first = _told(_net(tmp_path, (FLOAT_PARAM.encode(), float_bin())))
    assert _told(_net(tmp_path, (param.format("other").encode(), float_bin()))) == first
    assert followed == ["conv"]
    header = _told(_net(tmp_path, (param.format("third").replace("\n6 7\n", "\n6 9\n").encode(), float_bin())))
    assert isinstance(header, StaticFacts)
    assert header.notes == ("the header announces 9 blobs, the layers write 7: harmless",)
    assert followed == ["conv", "third"]
    wrong = _told(_net(tmp_path, (param.format("fourth").replace("1=3 4=1", "1=3 4=-9").encode(), float_bin())))
    assert "net.param:4: layer 'fourth' (Convolution)" in str(wrong)
    cut = _told(_net(tmp_path, (FLOAT_PARAM.encode(), float_bin()[:-1])))
    assert "net.bin: the file ends inside layer 'fc'" in str(cut)


def test_of_many_kinds_the_first_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_facts, "_MOST_ALIKE", 2)
    known, found = KnownFacts(), StaticFacts()
    for key in range(3):
        assert known.once(key, lambda: found) is found
    assert list(known.alike) == [2]


def test_spans_that_are_read_together_are_noted_each() -> None:
    touched = Touched(b"abcdefgh")
    assert joined(touched, [(6, 8), (0, 2)]) == b"ghab"
    assert joined(b"abcdefgh", [(6, 8), (0, 2)]) == b"ghab"
    assert touched[3:100] == b"defgh"
    assert touched.place() == (8, array("Q", [0, 2, 3, 8]).tobytes())


def test_the_param_is_told_before_the_bin(tmp_path: Path) -> None:
    net = _net(tmp_path, (FLOAT_PARAM.replace("6=108", "6=107").encode(), b""))
    (tmp_path / "net.bin").unlink()
    assert "weight size 107 is not a multiple" in str(_told(net))
    (tmp_path / "net.param").write_text(FLOAT_PARAM)
    assert "net.bin: no such .bin file" in str(_told(net))


def test_nothing_is_known_twice_of_one_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets of one description whose bytes lie elsewhere are few; of others no more is remembered."""
    monkeypatch.setattr(known_facts, "_MOST_PLACES", 1)
    known, look = KnownFacts(), Looker()
    for data in (b"abcd", b"abcde", b"abcde"):
        known.find("net", data, look)
    assert look.looks == 3
    assert len(known.by_key["net"]) == 1
