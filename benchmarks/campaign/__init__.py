"""An attack on the project's own robustness: broken nets, broken text, faults of the machine.

``python -m benchmarks.campaign all`` prints, for each kind of attack, what came of every try. A part is a module with a
function ``attack(budget)`` that yields what came of each try, see `benchmarks.campaign.outcome`.
"""
