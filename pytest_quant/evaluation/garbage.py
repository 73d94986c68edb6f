"""What lived before a computation is not looked through for garbage again and again while it goes on."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Python's collector of garbage looks at what was made inside alone; behind it, at everything again.

    The libraries of a run are some 400000 objects, and threads that compute wait while it goes through them: a
    twentieth of the time where images are small. Where somebody has called `gc.freeze`, nothing is changed.

    >>> with only_new_garbage():
    ...     gc.get_freeze_count() > 0
    True
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
