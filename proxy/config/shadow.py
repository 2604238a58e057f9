"""The settings of the comparison of responses, after they are sent, with those of a node that speaks every version."""

from typing import Annotated

from pydantic import Field

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, FieldName, Seconds, Secret, ShadowNode, Share


class ShadowSettings(Section):
    """Which node responses are compared with, and how many are."""

    node: Annotated[
        ShadowNode | None,
        Secret(),
        AllowedText("the name of one of nodes, an http:// or https:// URL without user, or null"),
    ] = Field(
        None, description="node that supports the clients' versions: a name in nodes, or a URL; null compares nothing"
    )
    sample: Share = Field(0.01, description="share of the responses that are compared, 0 to 1")
    ignore: Annotated[tuple[FieldName, ...], AllowedText("a list of fields, such as [ledger_current_index]")] = Field(
        ("age", "ledger_current_index", "load", "load_factor", "uptime"),
        description="fields that are not compared at any depth: they change with time, or differ between two nodes",
    )
    timeout: Seconds = Field(10, description="time for the node to respond")
    concurrency: Count = Field(2, description="responses compared concurrently")
    queue: Count = Field(50, description="responses that wait for comparison; more are dropped")
    answer_bytes: Bytes = Field(1_000_000, description="largest response compared; larger ones are dropped")
