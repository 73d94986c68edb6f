"""Greedy decoding of connectionist temporal classification."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pytest_quant.spec.errors import RunnerError
from pytest_quant.tasks.text_recognition.keys import BLANK_CHARACTER, Alphabet


def best_path(scores: NDArray[np.float32], blank: int, valid_ratio: float = 1.0) -> list[int]:
    """The outputs along the best path, repeats and blanks left out, as mmocr's ``CTCPostProcessor``.

    Args:
        scores: Shape (steps, outputs), probabilities or logits; the first of equal ones is the largest.
        blank: The output that stands for no character.
        valid_ratio: Share of the steps that is not padding; the rest is not looked at.

    >>> best_path(np.eye(3, dtype=np.float32)[[1, 1, 0, 1, 2, 2]], blank=0)
    [1, 1, 2]

    """
    steps = min(len(scores), math.ceil(len(scores) * valid_ratio))
    path = scores[:steps].argmax(axis=1)
    first = np.ones(steps, np.bool_)
    first[1:] = path[1:] != path[:-1]
    found: list[int] = path[first & (path != blank)].tolist()
    return found


def steps_of(output: NDArray[np.float32], blob: str, alphabet: Alphabet) -> NDArray[np.float32]:
    """The scores of an output blob as (steps, outputs).

    Dimensions of length 1 do not matter, and (outputs, steps) is turned where only that fits the keys.

    Raises:
        RunnerError: The blob has another number of outputs than there are keys, or holds NaN.

    """
    scores = output.reshape([length for length in output.shape if length > 1] or [1])
    if scores.ndim == 1 and output.ndim >= 2:  # one step
        scores = scores[np.newaxis]
    if scores.ndim == 2 and scores.shape[1] != alphabet.outputs and scores.shape[0] == alphabet.outputs:
        scores = scores.T
    if scores.ndim != 2 or scores.shape[1] != alphabet.outputs:
        raise RunnerError(
            f"output blob {blob!r} has shape {output.shape}; expected (steps, {alphabet.outputs}): {alphabet.source} "
            f"has {len(alphabet.keys)} keys, and one output is the blank of CTC{_hint(scores.shape, alphabet)}"
        )
    if np.isnan(scores).any():
        raise RunnerError(f"output blob {blob!r} holds {int(np.isnan(scores).sum())} NaN among {scores.size} values")
    return scores


def _hint(shape: tuple[int, ...], alphabet: Alphabet) -> str:
    if alphabet.outputs + 1 in shape and BLANK_CHARACTER not in alphabet.keys:
        return "; `postprocess: {add_blank_character: true}` adds the blank between words as the last key"
    return ""
