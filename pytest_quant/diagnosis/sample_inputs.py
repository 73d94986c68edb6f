"""What a model's net is given for the first samples of its dataset: one input of each."""

from __future__ import annotations

from pytest_quant.evaluation.cores import single_threaded_opencv
from pytest_quant.evaluation.first_input import first_input
from pytest_quant.evaluation.workbench import Workbench
from pytest_quant.extending.known import get_task
from pytest_quant.nets.given import Given
from pytest_quant.spec.model import ModelSpec


def sample_inputs(model: ModelSpec, bench: Workbench, count: int) -> dict[str, Given]:
    """Sample id to its first input, for ``count`` samples in the seeded order; fewer where the dataset has fewer.

    A sample for which the net does not run at all, such as an image without a person, is passed over.

    Raises:
        DatasetMissingError: the dataset is not on this machine.
        DatasetError: a sample cannot be read.

    """
    task, dataset = get_task(model.task), bench.dataset(model.dataset)
    pipeline = task.pipeline(model)
    found: dict[str, Given] = {}
    with bench.cores.core(), single_threaded_opencv():
        for sample in bench.selection(model)[0]:
            if len(found) >= count:
                break
            given = first_input(pipeline, pipeline.prepare(dataset.read(sample, orient=task.orient), sample))
            if given is not None:
                found[sample.id] = given
    return found
