"""The JSON files that ``mmdeploy --dump-info`` writes, as far as they are read here.

mmdeploy writes them before it converts the net, from the deploy config and the training config.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_quant.spec.errors import ConfigError
from pytest_quant.spec.strict import parse_json
from pytest_quant.spec.text import listed, shown
from pytest_quant.spec.whole_file import whole_file
from pytest_quant.zoo.schema_problems import problems

Generation = Literal["0.x", "1.x"]
"""Of mmdeploy, and with it of mmocr and mmpose: each works with its own generation of them."""

JSON_NAMES = ("deploy.json", "pipeline.json", "detail.json")


class _Lax(BaseModel):
    """Keys that are not read are let through."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class DeployedModel(_Lax):
    """An item of ``models`` in deploy.json."""

    net: str
    backend: str
    precision: str = ""


class Deploy(_Lax):
    """deploy.json."""

    version: str
    task: str
    models: list[DeployedModel] = Field(min_length=1)


class PipelineTask(_Lax):
    """An item of ``pipeline.tasks``: preprocessing, net or postprocessing."""

    module: str = ""
    name: str = ""
    transforms: list[dict[str, object]] = []
    component: str | None = None
    params: dict[str, object] | None = None
    input_map: dict[str, str] | None = None


class _Tasks(_Lax):
    tasks: list[PipelineTask] = Field(min_length=1)


class Pipeline(_Lax):
    """pipeline.json."""

    pipeline: _Tasks

    def named(self, name: str) -> PipelineTask | None:
        """The task of that name; the net's is known by its module."""
        return next((task for task in self.pipeline.tasks if name in (task.name, task.module)), None)


class OnnxConfig(_Lax):
    """``onnx_config`` in detail.json."""

    output_names: list[str] | None = None


class Codebase(_Lax):
    """``codebase`` in detail.json."""

    codebase: str = ""
    version: str = ""
    config: str | None = None


class Detail(_Lax):
    """detail.json."""

    version: str = ""
    codebase: Codebase = Codebase()
    onnx_config: OnnxConfig = OnnxConfig()


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_json(path: Path, model: type[ModelT]) -> ModelT | None:
    """One of the files; None when it does not exist, `ConfigError` when it is something else."""
    try:
        data = parse_json(whole_file(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{shown(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{shown(path)} is not JSON: {error}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = listed(f"{'.'.join(map(str, keys)) or 'the file'}: {text}" for keys, text in problems(model, error))
        raise ConfigError(f"{shown(path)} is not as mmdeploy 0.x and 1.x write it: {found}") from None


def generation(version: str, path: Path) -> Generation:
    """The generation of mmdeploy that wrote a file; raises `ConfigError` for one that is not known here.

    >>> generation("0.6.0", Path("deploy.json")), generation("1.0.0rc3", Path("deploy.json"))
    ('0.x', '1.x')
    """
    match = re.match(r"([01])\.\d", version.strip())
    if match is None:
        raise ConfigError(
            f"{shown(path)}: written by mmdeploy {version!r}; the files of 0.x and 1.x are known, of others nothing is "
            "guessed: write the model's keys in the zoo file instead of `mmdeploy`"
        )
    return "0.x" if match[1] == "0" else "1.x"
