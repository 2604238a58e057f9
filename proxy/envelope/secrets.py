"""Members of requests that no response, log line or error may show."""

from collections.abc import Mapping
from typing import Any

from adapters.secrets import KEY_PARAMS

SECRETS = (*KEY_PARAMS, "admin_password")
"""Their names."""

MASK = "<masked>"
"""The mask, as rippled writes it."""


def masked(request: Mapping[str, Any]) -> dict[str, Any]:
    """`request` with its secrets masked, of whatever type, as rippled masks them when it echoes a request."""
    return {name: MASK if name in SECRETS else value for name, value in request.items()}
