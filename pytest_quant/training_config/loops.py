"""Loops over values that are known: comprehensions, and what a ``for`` goes through."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pytest_quant.training_config.functions import targets
from pytest_quant.training_config.operators import brief
from pytest_quant.training_config.values import REST, NotToldError, Unread, unread_in

if TYPE_CHECKING:
    from pytest_quant.training_config.expressions import Expressions


def comprehension(expressions: Expressions, node: ast.ListComp | ast.GeneratorExp) -> object:
    """The list that a comprehension gives, `Unread` where what it goes through is not known."""
    try:
        return [inner.value(node.elt) for inner in _rounds(expressions, node.generators)]
    except NotToldError as error:
        return _not_told(expressions, node, error)


def dict_comprehension(expressions: Expressions, node: ast.DictComp) -> object:
    """The dict that a comprehension gives; likewise."""
    try:
        rounds = _rounds(expressions, node.generators)
        pairs = [(inner.value(node.key), inner.value(node.value)) for inner in rounds]
    except NotToldError as error:
        return _not_told(expressions, node, error)
    if all(isinstance(key, str | int | float | bool | None) for key, _ in pairs):
        return dict(pairs)
    return expressions.unread(node, f"`{brief(node)}` has keys that are not known")


def items(expressions: Expressions, node: ast.expr) -> Iterator[object]:
    """What a loop over an expression goes through; raises `NotToldError` where that is not known."""
    found = expressions.value(node)
    if isinstance(found, Unread) or not isinstance(found, list | tuple | range | dict | str):
        raise NotToldError(unread_in(found))
    if isinstance(found, dict) and REST in found:
        raise NotToldError(found[REST])
    for item in list(found):
        if not expressions.budget.spend():
            raise NotToldError(None)
        yield item


def _rounds(expressions: Expressions, generators: Sequence[ast.comprehension]) -> Iterator[Expressions]:
    """One for each round of a comprehension's loops, with what they bind; raises `NotToldError`."""
    loop, *further = generators
    for item in items(expressions, loop.iter):
        bound = targets(loop.target, item)
        if bound is None or loop.is_async:
            raise NotToldError(None)
        inner = expressions.within(bound)
        conditions = [inner.value(condition) for condition in loop.ifs]
        if unread_in(conditions):
            raise NotToldError(unread_in(conditions))
        if all(conditions):
            yield from _rounds(inner, further) if further else (inner,)


def _not_told(expressions: Expressions, node: ast.expr, error: NotToldError) -> Unread:
    expressions.spoil_names(node)
    reason: Unread | None = error.args[0]
    return reason or expressions.unread(node, f"`{brief(node)}` is not executed")
