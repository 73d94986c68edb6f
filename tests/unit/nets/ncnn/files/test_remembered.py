from __future__ import annotations

from pathlib import Path

import pytest

from pytest_quant.nets.ncnn.files import remembered
from pytest_quant.nets.ncnn.files.arrays import array_specs
from pytest_quant.nets.ncnn.files.element_types import check_stored
from pytest_quant.nets.ncnn.files.flow import check_flow
from pytest_quant.nets.ncnn.files.param import Param, parse_param
from pytest_quant.nets.ncnn.files.remembered import ByParams
from pytest_quant.spec.errors import ModelFileError

PARAMS = "0=4 1=3 4=1 5=1 6=108"


def net(name: str, params: str = PARAMS, kind: str = "Convolution") -> Param:
    layers = f"Input data 0 1 data\n{kind} {name} 1 1 data {name}-out {params}\n"
    return parse_param(Path(f"{name}.param"), f"7767517\n2 2\n{layers}")


def followed(param: Param, channels: int = 3) -> None:
    check_flow(param, {"data": (channels, 8, 8)})


def test_a_layer_like_a_sound_one_is_refused_where_it_is_given_something_else() -> None:
    followed(net("sound"))
    followed(net("alike"))
    with pytest.raises(ModelFileError, match=r"other\.param:4: layer 'other'.* for 3 channels, and reads 4 from"):
        followed(net("other"), channels=4)


def test_a_number_with_a_point_is_not_the_whole_number() -> None:
    sound, other = net("sound"), net("other", PARAMS.replace("1=3", "1=3.0"))
    assert sound.layers[1].params == other.layers[1].params
    assert array_specs(sound, sound.layers[1])
    with pytest.raises(ModelFileError, match=r"other\.param:4: layer 'other'"):
        array_specs(other, other.layers[1])


def test_arrays_before_and_after_quantization_are_not_mixed_up() -> None:
    param = net("sound", PARAMS + " 8=2")
    as_int8, as_float = (array_specs(param, param.layers[1], as_float=flag) for flag in (False, True))
    assert as_int8 is not None
    assert as_float is not None
    assert [len(as_int8), len(as_float)] == [4, 2]
    assert array_specs(net("alike", PARAMS + " 8=2"), param.layers[1], as_float=True) == as_float


def test_what_layers_hold_is_told_anew_for_other_inputs() -> None:
    half = "7767517\n3 3\nInput data 0 1 data\nCast c 1 1 data half 0=1 1=2\nReLU r 1 1 {} out\n"
    check_stored(parse_param(Path("a.param"), half.format("data")))
    with pytest.raises(ModelFileError, match="'half' holds float16"):
        check_stored(parse_param(Path("b.param"), half.format("half")))


def test_it_forgets_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 2)
    layer, known = net("sound").layers[1], ByParams[int]()
    for more in range(3):
        known.keep(layer, more, more)
    assert [known.get(layer, more) for more in range(3)] == [None, None, 2]
