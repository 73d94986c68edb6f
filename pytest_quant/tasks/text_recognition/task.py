"""The task ``text-recognition``, as it is registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from pytest_quant.spec.metric import Metric
from pytest_quant.spec.model import ModelSpec
from pytest_quant.tasks.base import Comparison, Facts, GuessedScore, Task
from pytest_quant.tasks.text_recognition.comparison import METRICS
from pytest_quant.tasks.text_recognition.options import NoOptions, PostprocessOptions, PreprocessOptions
from pytest_quant.tasks.text_recognition.pipeline import RecognitionPipeline


class RecognitionTask(Task):
    """What a zoo entry of ``task: text-recognition`` can hold; see `Task`."""

    name = "text-recognition"
    metrics: Mapping[str, Metric] = METRICS
    dataset_types = frozenset({"text-lines"})
    preprocess_options: type[BaseModel] = PreprocessOptions
    postprocess_options: type[BaseModel] = PostprocessOptions
    metric_options: Mapping[str, type[BaseModel]] = dict.fromkeys(METRICS, NoOptions)
    shard_size = 20
    orient = False
    place = 60
    usual_tolerances: Mapping[str, float] = {"word_acc_ignore_case_symbol": 0.01}

    def footnote(self, conditions: Facts, details: Facts) -> str | None:
        """Texts that the net cannot write at all: they are in every denominator."""
        found = details["unwritable"]
        if not found["samples"]:
            return None
        characters = "".join(char for char in found["characters"][:10] if char.isprintable())
        return f"{found['samples']} texts hold characters that the net cannot write ({characters}): wrong in word_acc"

    def guessed(self, comparison: Comparison, fp32: Sequence[str]) -> GuessedScore:
        """By the most lenient share of right words: a net may know no capitals and no punctuation."""
        shares = [comparison.metrics[name] for name in METRICS if name.startswith("word_acc")]
        return GuessedScore(max(shares, key=lambda pair: pair.fp32))

    def pipeline(self, model: ModelSpec) -> RecognitionPipeline:
        """The work for one model; raises `ConfigError` for options that contradict each other."""
        return RecognitionPipeline(model)


TASK: Task = RecognitionTask()
