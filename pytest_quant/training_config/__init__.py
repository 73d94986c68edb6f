"""Training repositories' config files, read without executing them.

OpenMMLab's configs are Python programs that inherit from each other (``_base_``, ``read_base``), or the same in YAML or
JSON. What can be told from their text alone is told: literals, ``dict(...)``, names, references to a base, arithmetic.
Everything else, such as the result of a call, is marked as unread, with the line, and never guessed.
"""

from pytest_quant.training_config.reader import TrainingConfig, read_training_config
from pytest_quant.training_config.values import UnreadError

__all__ = ["TrainingConfig", "UnreadError", "read_training_config"]
