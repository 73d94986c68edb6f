"""The boundary behind which an exception that nobody foresaw is one entry's error, and ends nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_quant.spec.errors import InternalError, QuantError


@contextmanager
def told_as_internal(what: str | Callable[[], str]) -> Iterator[None]:
    """Turn an exception that is no `QuantError` into an `InternalError` that names ``what`` was read.

    For what reads files of others: a reader raises a `QuantError` for what it refuses, and what it did not foresee must
    not end the other models' cases. Nothing is swallowed: the traceback is part of the message.
    """
    try:
        yield
    except QuantError:
        raise
    except Exception as error:
        place = what if isinstance(what, str) else what()
        raise InternalError(
            f"{place}: pytest-quant failed on it in a way that it should not, with {type(error).__name__}: please "
            f"report this with the file\n{traceback.format_exc().rstrip()}"
        ) from error
