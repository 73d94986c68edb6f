"""What is kept of one image: its text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_quant.tasks.base import Arrays


def pack_texts(texts: Sequence[str]) -> Arrays:
    """Texts as arrays: ``bytes`` uint8, the UTF-8 of all in one row, and ``lengths`` int64 (texts,).

    NumPy's own arrays of text lose characters of code 0 at the end.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return {
        "bytes": np.frombuffer(b"".join(encoded), np.uint8),
        "lengths": np.array([len(one) for one in encoded], np.int64),
    }


def unpack_texts(arrays: Arrays) -> list[str]:
    """The reverse of `pack_texts`."""
    whole = arrays["bytes"].tobytes()
    ends = np.cumsum(arrays["lengths"]).tolist()
    return [
        whole[end - length : end].decode("utf-8", "surrogatepass")
        for length, end in zip(arrays["lengths"].tolist(), ends, strict=True)
    ]
