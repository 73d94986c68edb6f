"""The search for float layers, on nets that are no more than a loss per layer."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from pytest_quant.rescue.search import Recipe, RescueSearch, SearchResult, Trial

KL, MSE = Recipe("kl", False), Recipe("mse", False)


class Toy:
    """A net whose loss is the sum over its int8 layers, and a little more for a base of its own."""

    def __init__(self, losses: Mapping[str, float], allowed: float, macs: Mapping[str, int] | None = None) -> None:
        self.losses, self.allowed = losses, allowed
        self.macs = macs or dict.fromkeys(losses, 1)
        self.tried: list[Recipe] = []

    def share(self, keep_float: frozenset[str]) -> float:
        return 1 - sum(self.macs[layer] for layer in keep_float) / sum(self.macs.values())

    def loss(self, recipe: Recipe) -> float:
        base = 0.5 if recipe.method == "kl" else 0.0
        return base + sum(loss for layer, loss in self.losses.items() if layer not in recipe.keep_float)

    def trial(self, recipe: Recipe) -> Trial:
        self.tried.append(recipe)
        return Trial(recipe, self.loss(recipe) - self.allowed, self.share(recipe.keep_float))

    def rank(self, recipe: Recipe) -> list[str]:
        return sorted(self.losses, key=lambda layer: -self.losses[layer])

    def search(self, *bases: Recipe) -> SearchResult:
        return RescueSearch(self.trial, self.rank, self.share).run(bases)


def test_a_better_calibration_alone_is_preferred() -> None:
    outcome = Toy({"a": 0.1, "b": 0.1}, allowed=0.3).search(KL, MSE)
    assert outcome.found is not None
    assert outcome.found.recipe == MSE
    assert len(outcome.trials) == 2


def test_the_worst_layers_go_to_float_and_no_more_than_needed() -> None:
    losses = {"a": 0.01, "b": 0.5, "c": 0.02, "d": 0.3, "e": 0.01, "f": 0.01, "g": 0.01, "h": 0.01}
    outcome = Toy(losses, allowed=0.1).search(MSE)
    assert outcome.found is not None
    assert outcome.found.recipe.keep_float == {"b", "d"}


def test_a_ranking_that_is_wrong_costs_trials_only() -> None:
    toy = Toy({"a": 0.01, "b": 0.01, "c": 0.01, "d": 0.5, **{str(n): 0.0 for n in range(6)}}, allowed=0.1)
    toy.rank = lambda recipe: sorted(toy.losses, reverse=False)  # type: ignore[method-assign]
    outcome = toy.search(MSE)
    assert outcome.found is None or outcome.found.recipe.keep_float == {"d"}


def test_too_little_int8_is_no_repair() -> None:
    outcome = Toy({"a": 0.5, "b": 0.01}, allowed=0.1, macs={"a": 50, "b": 50}).search(MSE)
    assert outcome.found is None
    assert outcome.best.recipe.keep_float <= {"a", "b"}
    assert outcome.best.excess > 0


def test_a_layer_that_is_too_large_is_passed_over() -> None:
    outcome = Toy({"a": 0.5, "b": 0.4, "c": 0.3}, allowed=0.6, macs={"a": 80, "b": 10, "c": 10}).search(MSE)
    assert outcome.found is not None
    assert outcome.found.recipe.keep_float == {"b", "c"}


def test_layers_that_cannot_be_int8_alone_go_along() -> None:
    toy = Toy({"a": 0.5, "b": 0.01, "c": 0.02, "d": 0.0, "e": 0.0, "f": 0.0}, allowed=0.1)

    def complete(keep_float: frozenset[str]) -> frozenset[str]:
        return keep_float | {"b"} if "a" in keep_float else keep_float

    outcome = RescueSearch(toy.trial, toy.rank, toy.share, complete=complete).run([MSE])
    assert outcome.found is not None
    assert outcome.found.recipe.keep_float == {"a", "b"}


@given(
    losses=st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=12),
    allowed=st.floats(0, 2),
)
def test_no_layer_of_an_answer_can_be_dropped(losses: dict[str, float], allowed: float) -> None:
    toy = Toy(losses, allowed)
    outcome = toy.search(KL, MSE)
    assert len(toy.tried) == len(set(toy.tried)) == len(outcome.trials)
    if outcome.found is None:
        assert all(not trial.meets for trial in outcome.trials)
        return
    kept = outcome.found.recipe.keep_float
    assert outcome.found.meets
    assert toy.share(kept) >= 0.6 or not kept
    for layer in kept:
        assert toy.loss(Recipe(outcome.found.recipe.method, False, kept - {layer})) > allowed
