"""What every section of the settings is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings that cannot be changed, and know all their keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
