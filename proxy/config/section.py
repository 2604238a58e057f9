"""The base class of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Immutable settings that reject unknown keys."""

    # Deferred, for a validator of each section is built again as part of the one of all settings.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, defer_build=True)
