"""The search for the fewest layers to leave in float; it knows no nets, only what a trial says.

Without any layer in float the ways to calibrate are tried first. Where none of them is enough, layers are added in the
order of their harm until the model is good enough, and then every layer that turns out not to be needed goes back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_quant.spec.calibration import CalibrationMethod


@dataclass(frozen=True)
class Recipe:
    """How an int8 net is made from the float one."""

    method: CalibrationMethod
    eight_bit: bool
    """8-bit weights also where ncnn2table uses 6 bits."""
    keep_float: frozenset[str] = frozenset()
    """Layers that stay float."""


@dataclass(frozen=True)
class Trial:
    """What a recipe was found to be worth."""

    recipe: Recipe
    excess: float
    """How far the loss is above what is allowed, as a share of the metric's range; 0 or less is good enough."""
    int8_share: float
    """Share of the net's multiply-accumulates that are int8, from 0 to 1."""

    @property
    def meets(self) -> bool:
        """Whether the loss is small enough."""
        return self.excess <= 0


@dataclass(frozen=True)
class SearchResult:
    """What a search came to."""

    found: Trial | None
    """A recipe that is good enough and none of whose float layers can be dropped; None: there was none."""
    best: Trial
    """The trial with the least excess."""
    trials: tuple[Trial, ...]
    """All that was tried, in order."""


TryRecipe = Callable[[Recipe], Trial]
Rank = Callable[[Recipe], Sequence[str]]
"""The int8 layers of a recipe, the most harmful first."""
Complete = Callable[[frozenset[str]], frozenset[str]]
"""The layers to leave in float together with those that cannot be int8 then."""
Share = Callable[[frozenset[str]], float]
"""Share of the multiply-accumulates that are int8 when some layers stay float."""


class RescueSearch:
    """One search; every recipe is tried once."""

    def __init__(
        self,
        try_recipe: TryRecipe,
        rank: Rank,
        int8_share: Share,
        *,
        least_int8_share: float = 0.6,
        complete: Complete = frozenset,
    ) -> None:
        """Sort out what a trial is.

        Args:
            try_recipe: makes the int8 net of a recipe and measures it.
            rank: orders the layers of a recipe that leaves none in float.
            int8_share: see `Share`.
            complete: see `Complete`; by default there are no others.
            least_int8_share: recipes with less in int8 are not tried: such a net is hardly an int8 net.

        """
        self._try = try_recipe
        self._rank = rank
        self._int8_share = int8_share
        self._least = least_int8_share
        self._complete = complete
        self._trials: dict[Recipe, Trial] = {}

    def run(self, bases: Sequence[Recipe], *, searched: int = 2) -> SearchResult:
        """Search from ``bases``, recipes without float layers, the preferred one first.

        Where none of them is enough, the ``searched`` best of them are the starts of a search for layers.
        """
        whole = [self._trial(base) for base in bases]
        enough = [trial for trial in whole if trial.meets and trial.int8_share >= self._least]
        if enough:
            return self._outcome(min(enough, key=lambda trial: trial.excess))
        found = [
            repaired
            for start in sorted(whole, key=lambda trial: trial.excess)[:searched]
            if (repaired := self._repaired(start.recipe)) is not None
        ]
        return self._outcome(min(found, key=_cost, default=None))

    def _repaired(self, base: Recipe) -> Trial | None:
        """The base with the fewest layers in float that are enough, as far as this search sees."""
        layers = self._affordable(self._rank(base))
        prefix = self._shortest_prefix(base, layers)
        return None if prefix is None else self._thinned(prefix, layers)

    def _affordable(self, ranked: Sequence[str]) -> list[str]:
        """The layers in their order, without those that would leave too little in int8."""
        chosen: list[str] = []
        for layer in ranked:
            if self._int8_share(self._complete(frozenset([*chosen, layer]))) >= self._least:
                chosen.append(layer)
        return chosen

    def _shortest_prefix(self, base: Recipe, layers: Sequence[str]) -> Trial | None:
        """Doubling, then halving: as if more float layers were never worse, which is nearly so."""
        too_few, size = 0, min(1, len(layers))
        while too_few < len(layers) and not self._with(base, layers[:size]).meets:
            too_few, size = size, min(2 * size, len(layers))
        if too_few == len(layers):
            return None
        while size - too_few > 1:
            middle = (size + too_few) // 2
            if self._with(base, layers[:middle]).meets:
                size = middle
            else:
                too_few = middle
        return self._with(base, layers[:size])

    def _thinned(self, trial: Trial, layers: Sequence[str]) -> Trial:
        """The trial without every layer that can go back to int8, the least harmful first, until none can."""
        again = True
        while again:
            again = False
            for layer in reversed(layers):
                if layer not in trial.recipe.keep_float:
                    continue
                without = self._trial(replace(trial.recipe, keep_float=trial.recipe.keep_float - {layer}))
                if without.meets and without.recipe != trial.recipe:
                    trial, again = without, True
        return trial

    def _with(self, base: Recipe, layers: Sequence[str]) -> Trial:
        return self._trial(replace(base, keep_float=frozenset(layers)))

    def _trial(self, recipe: Recipe) -> Trial:
        recipe = replace(recipe, keep_float=self._complete(recipe.keep_float))
        if recipe not in self._trials:
            self._trials[recipe] = self._try(recipe)
        return self._trials[recipe]

    def _outcome(self, found: Trial | None) -> SearchResult:
        trials = tuple(self._trials.values())
        return SearchResult(found, min(trials, key=lambda trial: trial.excess), trials)


def _cost(trial: Trial) -> tuple[int, float]:
    """Fewer float layers first, then more work in int8."""
    return len(trial.recipe.keep_float), -trial.int8_share
