"""Methods about the server and its network, and the envelope's own."""

from typing import Any, Literal

from adapters.models.errors import CommonErrorToken, ErrorResponse
from adapters.models.formats import Drops, Hash256, JsonObject, NumberText, Seconds, Truthy, UInt32
from adapters.models.method import Method
from adapters.models.model import Model


class FeatureRequest(Model):
    feature: str | None = None
    vetoed: bool | None = None


class FeatureSuccessResponse(Model):
    """The amendments, by their ids."""


class FeatureErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["badFeature"]


class FeeRequest(Model):
    """No parameters."""


class FeeDrops(Model):
    """Fees in drops."""

    base_fee: Drops
    median_fee: Drops
    minimum_fee: Drops
    open_ledger_fee: Drops


class FeeLevels(Model):
    """Fees in levels, which compare transactions of different costs."""

    median_level: NumberText
    minimum_level: NumberText
    open_ledger_level: NumberText
    reference_level: NumberText


class FeeSuccessResponse(Model):
    current_ledger_size: NumberText
    current_queue_size: NumberText
    expected_ledger_size: NumberText
    max_queue_size: NumberText | None = None
    ledger_current_index: UInt32
    drops: FeeDrops
    levels: FeeLevels


class FeeErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ManifestRequest(Model):
    public_key: str


class ManifestSuccessResponse(Model):
    requested: str
    manifest: str | None = None
    details: JsonObject | None = None


class ManifestErrorResponse(ErrorResponse):
    error: CommonErrorToken


class PingRequest(Model):
    """No parameters."""


class PingSuccessResponse(Model):
    role: str | None = None
    ip: str | None = None
    username: str | None = None
    unlimited: bool | None = None


class PingErrorResponse(ErrorResponse):
    error: CommonErrorToken


class RandomRequest(Model):
    """No parameters."""


class RandomSuccessResponse(Model):
    random: Hash256


class RandomErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ServerDefinitionsRequest(Model):
    hash: Hash256 | None = None


class ServerDefinitionsSuccessResponse(Model):
    hash: Hash256
    FIELDS: list[Any] | None = None
    LEDGER_ENTRY_TYPES: dict[str, int] | None = None
    TRANSACTION_RESULTS: dict[str, int] | None = None
    TRANSACTION_TYPES: dict[str, int] | None = None
    TYPES: dict[str, int] | None = None


class ServerDefinitionsErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ServerInfoRequest(Model):
    counters: Truthy | None = None


class ServerInfoLedger(Model):
    """The last validated ledger, in XRP."""

    seq: UInt32
    hash: Hash256
    age: int
    base_fee_xrp: float
    reserve_base_xrp: float
    reserve_inc_xrp: float


class ServerInfo(Model):
    """The state of the server."""

    build_version: str | None = None
    clio_version: str | None = None
    complete_ledgers: str
    load_factor: float | None = None
    network_id: UInt32 | None = None
    server_state: str | None = None
    uptime: int | None = None
    validated_ledger: ServerInfoLedger | None = None
    validation_quorum: Any = None


class ServerInfoSuccessResponse(Model):
    info: ServerInfo


class ServerInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ServerStateRequest(Model):
    counters: Truthy | None = None


class ServerStateLedger(Model):
    """The last validated ledger, in drops."""

    seq: UInt32
    hash: Hash256
    base_fee: int
    close_time: Seconds
    reserve_base: int
    reserve_inc: int


class ServerState(Model):
    """The state of the server."""

    build_version: str | None = None
    complete_ledgers: str
    load_base: int | None = None
    load_factor: float | None = None
    network_id: UInt32 | None = None
    server_state: str | None = None
    uptime: int | None = None
    validated_ledger: ServerStateLedger | None = None
    validation_quorum: Any = None


class ServerStateSuccessResponse(Model):
    state: ServerState


class ServerStateErrorResponse(ErrorResponse):
    error: CommonErrorToken


class TxReduceRelayRequest(Model):
    """No parameters."""


class TxReduceRelaySuccessResponse(Model):
    """Counts, as strings."""

    __pydantic_extra__: dict[str, str]


class TxReduceRelayErrorResponse(ErrorResponse):
    error: CommonErrorToken


class VersionRequest(Model):
    """No parameters."""


class VersionErrorResponse(ErrorResponse):
    error: CommonErrorToken


METHODS = (
    Method(
        "feature", "server", "The amendments that the server supports, or one of them. Only administrators may vote."
    ),
    Method("fee", "server", "The current fees for the open ledger."),
    Method("manifest", "server", "A validator's keys."),
    Method("ping", "server", "An empty response, to check the connection and the client's role."),
    Method("random", "server", "A random number."),
    Method("server_definitions", "server", "The server's definitions of types and fields, for serialisation."),
    Method("server_info", "server", "The server's state, for people."),
    Method("server_state", "server", "The server's state, for programs."),
    Method("tx_reduce_relay", "server", "Statistics about relaying transactions."),
    Method("version", "server", "The API versions that the server offers."),
)
