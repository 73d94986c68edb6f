"""Layers that multiply matrices: MatMul, Gemm, InnerProduct, recurrent layers and attention.

ncnn takes the length of the sums from one of the two and reads the other as far.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_quant.nets.ncnn.files.blob_shape import MaybeShape, Shape, Size, differs, extents, listed, values, words
from pytest_quant.nets.ncnn.files.param import Layer

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def matmul_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a MatMul: as `numpy.matmul`, but that the batch of a blob of three axes counts as the last of two."""
    if len(bottoms) < 2 or bottoms[0] is None or bottoms[1] is None:
        return None
    one, two = bottoms[0], bottoms[1]
    columns = two[-2] if len(two) > 1 and layer.get_int(0) else two[-1]
    if len(one) == 1 or len(two) == 1:
        batch = two[:-2] if len(one) == 1 else one[:-2]
        sides = (*one[-2:-1], *(() if len(two) == 1 else (columns,)))
        return (*batch, *sides) or (1,)
    batches = [_longest(sizes) for sizes in _batches(one, two)]
    return (*batches, one[-2], columns)


def _batches(one: Shape, two: Shape) -> list[tuple[Size, Size]]:
    """The axes before the matrix of both, with 1 for those that one lacks.

    Beside four axes, three are taken as (depth, height, width).
    """
    count = max(len(one), len(two)) - 2
    filled = [(*[1] * (count + 2 - len(shape)), *shape[:-2]) for shape in (one, two)]
    return list(zip(*filled, strict=True))


def _longest(sizes: tuple[Size, Size]) -> Size:
    return next((size for size in sizes if size not in (1, None)), None if None in sizes else 1)


def check_matmul(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Rows and columns, and the batches before them."""
    if len(bottoms) < 2 or bottoms[0] is None or bottoms[1] is None:
        return
    one, two = bottoms[0], bottoms[1]
    inner = two[-1] if len(two) == 1 or layer.get_int(0) else two[-2]
    is_matrix = len(one) > 1 and len(two) > 1
    if differs((one[-1], inner)) or (is_matrix and any(differs(pair) and 1 not in pair for pair in _batches(one, two))):
        how = ", the second one transposed" if layer.get_int(0) else ""
        yield f"multiplies blobs that do not fit together: {listed([one, two])}{how}"


def _matrices(layer: Layer, bottoms: Sequence[MaybeShape]) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
    """(M, K) and (K, N) of a Gemm."""
    given = iter(bottoms)
    m, n, k = layer.get_int(7), layer.get_int(8), layer.get_int(9)
    left = (m, k) if layer.get_int(4) else _matrix(next(given, None), is_transposed=bool(layer.get_int(2)))
    right = (k, n) if layer.get_int(5) else _matrix(next(given, None), is_transposed=bool(layer.get_int(3)))
    return left, right


def _matrix(shape: MaybeShape, *, is_transposed: bool) -> tuple[Size, Size]:
    if shape is None or len(shape) > 3:
        return None, None
    channels, _, height, width = extents(shape)
    rows = channels if len(shape) == 3 else height
    return (width, rows) if is_transposed else (rows, width)


def gemm_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a Gemm."""
    (rows, _), (_, columns) = _matrices(layer, bottoms)
    sides = (columns, rows) if layer.get_int(14) else (rows, columns)
    return (sides[0], 1, sides[1]) if layer.get_int(11) else sides


def check_gemm(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Both matrices, and what is added to their product."""
    left, right = _matrices(layer, bottoms)
    if differs((left[1], right[0])):
        yield f"multiplies matrices that do not fit together: {listed([left, right])}"
    given = sum(not layer.get_int(key) for key in (4, 5))
    added = bottoms[given] if len(bottoms) > given and not layer.get_int(6) else None
    rows, columns = left[0], right[1]
    if added is None or None in added or rows is None or columns is None:
        return
    if added not in ((1,), (rows,), (columns,), (rows, 1), (rows, columns), (1, columns)):
        yield f"adds a blob of {words(added)} to {words((rows, columns))}"


def inner_product_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of an InnerProduct."""
    bottom, outputs = bottoms[0], layer.get_int(0)
    if bottom is None:
        return None
    if len(bottom) == 2:  # by rows, unless there is one row's worth of weights for all
        return (bottom[0], outputs) if bottom[1] == layer.get_int(2) // outputs else None
    return (outputs,)


def check_inner_product(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Values that there are weights for."""
    bottom, wanted = bottoms[0], layer.get_int(2) // layer.get_int(0)
    found = values(bottom)
    is_by_rows = bottom is not None and len(bottom) == 2 and bottom[1] == wanted
    if found is not None and found != wanted and not is_by_rows:
        yield (
            f"has weights for {wanted} values, and reads {found} from {layer.bottoms[0]!r} ({words(bottom)}): is that "
            "the size the net was made for?"
        )


def recurrent_shape(layer: Layer, bottoms: Sequence[MaybeShape]) -> MaybeShape:
    """Of a RNN, GRU or LSTM: a row for each row."""
    bottom = bottoms[0]
    if bottom is None or len(bottom) > 2:
        return None
    return extents(bottom)[2], layer.get_int(0) * _directions(layer)


def _directions(layer: Layer) -> int:
    return 2 if layer.get_int(2) == 2 else 1


def check_recurrent(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """The values of each row, and those of a state that is given."""
    outputs, gates, directions = layer.get_int(0), _GATES[layer.type], _directions(layer)
    hidden = layer.get_int(3, outputs) if layer.type == "LSTM" else outputs
    bottom, wanted = bottoms[0], layer.get_int(1) // (directions * hidden * gates)
    if bottom is not None and bottom[-1] is not None and bottom[-1] != wanted:
        yield (
            f"has weights for rows of {wanted} values, and reads {bottom[-1]} from {layer.bottoms[0]!r} "
            f"({words(bottom)})"
        )
    sizes = (outputs, hidden) if layer.type == "LSTM" else (outputs,)
    if len(bottoms) == 1 + len(sizes):
        for name, state, size in zip(layer.bottoms[1:], bottoms[1:], sizes, strict=True):
            found = values(state)
            if found is not None and found != size * directions:
                yield f"has a state of {size * directions} values, and reads {found} from {name!r} ({words(state)})"


def check_attention(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a MultiHeadAttention: values of each row of query, key and value, as many rows of the last two."""
    embedding = layer.get_int(0)
    wanted = (layer.get_int(2) // embedding, layer.get_int(3, embedding), layer.get_int(4, embedding))
    blobs = [(layer.bottoms[0], bottoms[0])]
    if not layer.get_int(5) and not layer.get_int(7) and len(bottoms) <= 3:
        named = list(zip(layer.bottoms, bottoms, strict=True))
        blobs = (named + named[-1:] * 2)[:3]
    for (name, shape), size, what in zip(blobs, wanted, ("query", "key", "value"), strict=False):
        if shape is not None and shape[-1] is not None and shape[-1] != size:
            yield f"has weights for {size} values of each {what}, and reads {shape[-1]} from {name!r} ({words(shape)})"
    rows = [extents(shape)[2] for _, shape in blobs[1:]]
    if differs(rows):
        yield f"has other rows of keys than of values: {listed([shape for _, shape in blobs[1:]])}"


def check_scaled_attention(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a SDPA without a cache: values of each row, rows, and groups of heads."""
    if layer.get_int(7) or any(shape is None or len(shape) != 3 for shape in bottoms[:3]):
        return
    query, key, value = (extents(shape) for shape in bottoms[:3])
    heads, groups = query[0], key[0]
    is_divided = heads is None or groups is None or (groups > 0 and heads % groups == 0)
    pairs = ((query[3], key[3]), (key[2], value[2]), (key[0], value[0]))
    if any(map(differs, pairs)) or not is_divided:
        yield f"takes queries, keys and values that do not fit together: {listed(bottoms[:3])}"


def check_rotary(layer: Layer, bottoms: Sequence[MaybeShape]) -> Iterator[str]:
    """Of a RotaryEmbed: a cosine and a sine for each pair of values of each row."""
    _, _, rows, width = extents(bottoms[0])
    if width is not None and width % 2:
        yield f"turns pairs of values, and reads rows of {width} from {layer.bottoms[0]!r} ({words(bottoms[0])})"
    for name, bottom in zip(layer.bottoms[1:], bottoms[1:], strict=True):
        _, _, found, pairs = extents(bottom)
        if width is not None and pairs is not None and pairs < width // 2:
            yield f"turns {width // 2} pairs of each row, and reads rows of {pairs} from {name!r} ({words(bottom)})"
        elif rows is not None and found is not None and found < rows:
            yield f"turns {rows} rows, and reads {found} from {name!r} ({words(bottom)})"
