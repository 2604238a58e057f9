"""Methods about what can be exchanged."""

from typing import Literal

from adapters.models.errors import ErrorResponse
from adapters.v1_v2.models.errors import CommonErrorTokenV2


class ChannelAuthorizeErrorResponseV2(ErrorResponse):
    error: CommonErrorTokenV2 | Literal["badKeyType", "badSeed", "channelAmtMalformed", "channelMalformed"]
