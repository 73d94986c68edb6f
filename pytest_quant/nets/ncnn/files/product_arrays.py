"""Arrays of the layers that multiply matrices by more than one array of weights: recurrent ones, Gemm, attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_quant.nets.ncnn.files.array_spec import ArraySpec, divides, positive
from pytest_quant.nets.ncnn.files.param import Layer


def recurrent(gates: int, biases: int) -> Callable[[Layer, int], Iterator[ArraySpec]]:
    """Of layers with so many gates and biases for each hidden value."""

    def find(layer: Layer, term: int) -> Iterator[ArraySpec]:
        outputs = positive("number of outputs (parameter 0)", layer.get_int(0))
        hidden = outputs
        if layer.type == "LSTM":
            hidden = positive("hidden size (parameter 3)", layer.get_int(3, outputs))
        directions = 2 if layer.get_int(2) == 2 else 1
        size = positive("weight size (parameter 1)", layer.get_int(1))
        divides("weight size", size, directions * hidden * gates)
        yield ArraySpec("weight", size, tagged=True)
        yield ArraySpec("bias", directions * hidden * biases, tagged=True)
        yield ArraySpec("hidden_weight", directions * outputs * hidden * gates, tagged=True)
        if hidden != outputs:
            yield ArraySpec("projection_weight", directions * outputs * hidden, tagged=True)
        if term:
            yield ArraySpec("weight_scales", directions * hidden * gates)
            yield ArraySpec("hidden_weight_scales", directions * hidden * gates)

    return find


def gemm(layer: Layer, term: int) -> Iterator[ArraySpec]:
    """Of a Gemm layer with a quantization term."""
    constant_a, constant_b, constant_c = (layer.get_int(key) == 1 for key in (4, 5, 6))
    m, n, k = (layer.get_int(key) for key in (7, 8, 9))
    blocks = _BlockQuantization.of(term)
    if constant_a:
        yield ArraySpec("weight_a", positive("M * K (parameters 7, 9)", m * k), tagged=True)
    if constant_b:
        size = blocks.packed(k) * n if blocks else k * n
        yield _matrix("weight", positive("N * K (parameters 8, 9)", size), blocks)
    broadcast = layer.get_int(10)
    if constant_c and broadcast != -1:
        sizes = {0: 1, 1: m, 2: m, 3: m * n, 4: n}
        if broadcast not in sizes:
            raise ValueError(f"broadcast type of C (parameter 10) is {broadcast}, expected -1 to 4")
        yield ArraySpec("bias", positive("size of C (parameters 7, 8, 10)", sizes[broadcast]), tagged=True)
    if blocks:
        yield from blocks.scales([(k, n)])
    elif term:
        if constant_a:
            yield ArraySpec("weight_a_scales", m)
        if constant_b:
            yield ArraySpec("weight_scales", 1)


def attention(layer: Layer, term: int) -> Iterator[ArraySpec]:
    """Of a MultiHeadAttention layer with a quantization term."""
    embed = positive("embedding size (parameter 0)", layer.get_int(0))
    size = positive("weight size (parameter 2)", layer.get_int(2))
    divides("weight size", size, embed)
    query = size // embed
    key, value = (positive(f"parameter {i}", layer.get_int(i, embed)) for i in (3, 4))
    matrices = [("query", query, embed), ("key", key, embed), ("value", value, embed), ("output", embed, query)]
    blocks = _BlockQuantization.of(term)
    for role, inputs, outputs in matrices:
        yield _matrix(f"{role}_weight", (blocks.packed(inputs) if blocks else inputs) * outputs, blocks)
        yield ArraySpec(f"{role}_bias", outputs)
    if blocks:
        yield from blocks.scales([(inputs, outputs) for _, inputs, outputs in matrices])
    elif term:
        for role in ("query", "key", "value"):
            yield ArraySpec(f"{role}_weight_scales", embed)
        yield ArraySpec("output_weight_scales", 1)


@dataclass(frozen=True)
class _BlockQuantization:
    """Weights alone quantized, in blocks along the inputs: term = 100 * bits + 10 * has input scale + block code."""

    bits: int
    has_input_scale: bool
    block: int

    @classmethod
    def of(cls, term: int) -> _BlockQuantization | None:
        if term < 400:
            if term in (4, 5, 6):
                raise ValueError(f"quantization term (parameter 18) is {term}, which ncnn refuses")
            return None
        bits, form, code = term // 100, term % 100 // 10, term % 10
        if bits not in (4, 6, 8) or form not in (0, 1) or code not in (0, 1, 2):
            raise ValueError(f"quantization term (parameter 18) is {term}, which ncnn refuses")
        return cls(bits, form == 1, 32 << code)

    def packed(self, inputs: int) -> int:
        return (inputs * self.bits + 7) // 8

    def scales(self, matrices: list[tuple[int, int]]) -> Iterator[ArraySpec]:
        for inputs, outputs in matrices:
            yield ArraySpec("block_scales", -(-inputs // self.block) * outputs)
        if self.has_input_scale:
            for inputs, _ in matrices:
                yield ArraySpec("input_scales", inputs)


def _matrix(role: str, count: int, blocks: _BlockQuantization | None) -> ArraySpec:
    return ArraySpec(role, count, tagged=blocks is None, is_packed=blocks is not None)
