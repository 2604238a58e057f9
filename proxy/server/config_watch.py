"""Reloads when the configuration's files change, if `watch_config` is on."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import structlog

from proxy.config import ConfigSource

log = structlog.get_logger(__name__)

_EVERY = 1.0
"""Seconds between two looks at the files; a change is seen at the second look."""


async def watch_config(source: ConfigSource, enabled: Callable[[], bool], reload: Callable[[], None]) -> NoReturn:
    """Call `reload` after each change of the files of `source` while `enabled`, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        if enabled() and source.has_changed():
            log.info("configuration_changed")
            reload()
