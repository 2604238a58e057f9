"""The changes between versions of the XRP Ledger API, method by method, and conversions in both directions.

Each step between two neighbouring versions is a folder (`v1_v2`), found by its name: a new version is a new folder.
Nothing here does I/O, logs, reads a clock or a configuration.
"""

import importlib
import pkgutil
import re
from pathlib import Path

from adapters.adapter import MISSHAPEN, Conversation, JsonObject, NodeRequest, Step
from adapters.chain import Pipeline, StreamPipeline, Versions
from adapters.node import NodeInfo

__all__ = [
    "MISSHAPEN",
    "VERSIONS",
    "Conversation",
    "JsonObject",
    "NodeInfo",
    "NodeRequest",
    "Pipeline",
    "StreamPipeline",
    "Versions",
    "step_folder",
]


def _steps() -> tuple[Step, ...]:
    folders = [module.name for module in pkgutil.iter_modules(__path__) if re.fullmatch(r"v\d+_v\d+", module.name)]
    return tuple(importlib.import_module(f"{__name__}.{folder}").STEP for folder in folders)


VERSIONS = Versions(_steps())
"""Every API version that adapters connect."""


def step_folder(step: Step) -> Path:
    """The folder of a step's adapters, which may also have its recordings and its part of the specification."""
    return Path(__path__[0]) / step.name
