"""The settings of the comparison of answers, after they are given, with what another node answers natively."""

from typing import Annotated

from pydantic import Field

from proxy.config.section import Section
from proxy.config.types import AllowedText, Bytes, Count, FieldName, Seconds, ShadowNode, Share


class ShadowSettings(Section):
    """Which node says natively what clients were told, and how much it is asked."""

    node: Annotated[
        ShadowNode | None, AllowedText("the name of one of nodes, or an http:// or https:// URL without user, or null")
    ] = Field(None, description="node that speaks the clients' versions natively: a name in nodes, or its URL; or null")
    sample: Share = Field(0.01, description="the share of the answers that is compared, 0 to 1")
    ignore: Annotated[tuple[FieldName, ...], AllowedText("a list of fields, such as [ledger_current_index]")] = Field(
        ("age", "ledger_current_index", "load", "load_factor", "uptime"),
        description="fields that are not compared, wherever in an answer: what lives, or what two nodes differ in",
    )
    timeout: Seconds = Field(10, description="seconds for the node to answer")
    at_once: Count = Field(2, description="answers compared at once")
    queue: Count = Field(50, description="answers that wait for that; more are dropped")
    answer_bytes: Bytes = Field(1_000_000, description="bytes of the largest answer compared; larger are dropped")
