"""Methods that rippled keeps for its administrators: a stranger gets 403, over WebSocket `forbidden`.

Their results differ from release to release, so little is specified of them.
"""

from typing import Any, Literal

from adapters.models.errors import CommonErrorToken, ErrorResponse, LedgerErrorToken
from adapters.models.formats import JsonObject, Truthy, UInt32
from adapters.models.method import Method
from adapters.models.model import Model
from adapters.models.types import LedgerChoice, LedgerHeaderBase, PeerBase


class BlacklistRequest(Model):
    threshold: int | None = None


class BlacklistSuccessResponse(Model):
    """Its members depend on the release."""


class BlacklistErrorResponse(ErrorResponse):
    error: CommonErrorToken


class CanDeleteRequest(Model):
    can_delete: Any = None


class CanDeleteSuccessResponse(Model):
    can_delete: int


class CanDeleteErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["lgrNotFound"]


class ConnectRequest(Model):
    ip: str
    port: int | None = None


class ConnectSuccessResponse(Model):
    message: str


class ConnectErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ConsensusInfoRequest(Model):
    """No parameters."""


class ConsensusInfoSuccessResponse(Model):
    info: JsonObject


class ConsensusInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken


class FetchInfoRequest(Model):
    clear: Truthy | None = None


class FetchInfoSuccessResponse(Model):
    info: JsonObject


class FetchInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken


class GetCountsRequest(Model):
    min_count: int | None = None


class GetCountsSuccessResponse(Model):
    """Its members depend on the release."""


class GetCountsErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LedgerAcceptRequest(Model):
    """No parameters."""


class LedgerAcceptSuccessResponse(Model):
    ledger_current_index: UInt32


class LedgerAcceptErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LedgerCleanerRequest(Model):
    """No parameters."""


class LedgerCleanerSuccessResponse(Model):
    """Its members depend on the release."""


class LedgerCleanerErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LedgerRequestRequest(LedgerChoice):
    """No parameters."""


class LedgerRequestSuccessResponse(Model):
    ledger: LedgerHeaderBase | None = None
    ledger_index: UInt32 | None = None


class LedgerRequestErrorResponse(ErrorResponse):
    error: CommonErrorToken | LedgerErrorToken


class LogLevelRequest(Model):
    severity: str | None = None
    partition: str | None = None


class LogLevelSuccessResponse(Model):
    """Its members depend on the release."""


class LogLevelErrorResponse(ErrorResponse):
    error: CommonErrorToken


class LogrotateRequest(Model):
    """No parameters."""


class LogrotateSuccessResponse(Model):
    message: str | None = None


class LogrotateErrorResponse(ErrorResponse):
    error: CommonErrorToken


class PeerReservationsAddRequest(Model):
    public_key: str
    description: str | None = None


class PeerReservationsAddSuccessResponse(Model):
    """Its members depend on the release."""


class PeerReservationsAddErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["publicMalformed"]


class PeerReservationsDelRequest(Model):
    public_key: str


class PeerReservationsDelSuccessResponse(Model):
    """Its members depend on the release."""


class PeerReservationsDelErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["publicMalformed"]


class PeerReservationsListRequest(Model):
    """No parameters."""


class PeerReservationsListSuccessResponse(Model):
    reservations: list[JsonObject]


class PeerReservationsListErrorResponse(ErrorResponse):
    error: CommonErrorToken


class PeersRequest(Model):
    """No parameters."""


class PeersSuccessResponse(Model):
    peers: list[PeerBase] | None
    cluster: JsonObject | None = None


class PeersErrorResponse(ErrorResponse):
    error: CommonErrorToken


class PrintRequest(Model):
    """No parameters."""


class PrintSuccessResponse(Model):
    """Its members depend on the release."""


class PrintErrorResponse(ErrorResponse):
    error: CommonErrorToken


class StopRequest(Model):
    """No parameters."""


class StopSuccessResponse(Model):
    message: str


class StopErrorResponse(ErrorResponse):
    error: CommonErrorToken


class UnlListRequest(Model):
    """No parameters."""


class UnlListSuccessResponse(Model):
    unl: list[JsonObject] | None


class UnlListErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ValidationCreateRequest(Model):
    secret: str | None = None


class ValidationCreateSuccessResponse(Model):
    """Its members depend on the release."""


class ValidationCreateErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["badSeed"]


class ValidatorInfoRequest(Model):
    """No parameters."""


class ValidatorInfoSuccessResponse(Model):
    """Its members depend on the release."""


class ValidatorInfoErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ValidatorListSitesRequest(Model):
    """No parameters."""


class ValidatorListSitesSuccessResponse(Model):
    validator_sites: list[JsonObject]


class ValidatorListSitesErrorResponse(ErrorResponse):
    error: CommonErrorToken


class ValidatorsRequest(Model):
    """No parameters."""


class ValidatorsSuccessResponse(Model):
    """Its members depend on the release."""


class ValidatorsErrorResponse(ErrorResponse):
    error: CommonErrorToken


class WalletProposeRequest(Model):
    passphrase: str | None = None
    seed: str | None = None
    seed_hex: str | None = None
    key_type: str | None = None


class WalletProposeSuccessResponse(Model):
    """Its members depend on the release."""


class WalletProposeErrorResponse(ErrorResponse):
    error: CommonErrorToken | Literal["badSeed"]


METHODS = (
    Method("blacklist", "admin", "The addresses that the server has blocked or warned."),
    Method("can_delete", "admin", "The ledger up to which history may be deleted."),
    Method("connect", "admin", "Connects to a peer."),
    Method("consensus_info", "admin", "The state of consensus."),
    Method("fetch_info", "admin", "The data that the server is fetching."),
    Method("get_counts", "admin", "Counts of objects in the server's memory."),
    Method("ledger_accept", "admin", "Closes the open ledger of a standalone server."),
    Method("ledger_cleaner", "admin", "Checks the server's ledgers for errors, and repairs them."),
    Method("ledger_request", "admin", "Makes the server fetch a ledger."),
    Method("log_level", "admin", "The server's log levels."),
    Method("logrotate", "admin", "Reopens the server's log file."),
    Method("peer_reservations_add", "admin", "Reserves a slot for a peer."),
    Method("peer_reservations_del", "admin", "Removes the reservation of a peer."),
    Method("peer_reservations_list", "admin", "The peers for which a slot is reserved."),
    Method("peers", "admin", "The peers that the server is connected to."),
    Method("print", "admin", "The server's internal state."),
    Method("stop", "admin", "Stops the server."),
    Method("unl_list", "admin", "The validators that the server trusts."),
    Method("validation_create", "admin", "Keys for a validator."),
    Method("validator_info", "admin", "The server as a validator."),
    Method("validator_list_sites", "admin", "The sites from which the server gets validator lists."),
    Method("validators", "admin", "The validators that the server knows."),
    Method("wallet_propose", "admin", "Keys for an account."),
)
