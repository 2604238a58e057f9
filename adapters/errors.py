"""rippled's errors: token, code, message, and the HTTP status with `ripplerpc` 3.0 (`ErrorCodes.cpp`)."""

from __future__ import annotations

from typing import Any, NamedTuple


class Error(NamedTuple):
    """One of rippled's errors. `http_status` is used from `ripplerpc` 3.0 on; before, every error is a 200."""

    code: int
    token: str
    message: str
    http_status: int = 200


_ERRORS = (
    Error(1, "badSyntax", "Syntax error.", 400),
    Error(2, "json_rpc", "JSON-RPC transport error.", 500),
    Error(3, "forbidden", "Bad credentials.", 403),
    Error(4, "wrongNetwork", "Wrong network.", 503),
    Error(6, "noPermission", "You don't have permission for this command.", 401),
    Error(7, "noEvents", "Current transport does not support events.", 405),
    Error(9, "tooBusy", "The server is too busy to help you now.", 503),
    Error(10, "slowDown", "You are placing too much load on the server.", 429),
    Error(11, "highFee", "Current transaction fee exceeds your limit.", 402),
    Error(12, "notEnabled", "Not enabled in configuration.", 501),
    Error(13, "notReady", "Not ready to handle this request.", 503),
    Error(14, "amendmentBlocked", "Amendment blocked, need upgrade.", 503),
    Error(15, "noClosed", "Closed ledger is unavailable.", 503),
    Error(16, "noCurrent", "Current ledger is unavailable.", 503),
    Error(17, "noNetwork", "Not synced to the network.", 503),
    Error(18, "notSynced", "Not synced to the network.", 503),
    Error(19, "actNotFound", "Account not found."),
    Error(21, "lgrNotFound", "Ledger not found.", 404),
    Error(22, "lgrNotValidated", "Ledger not validated.", 202),
    Error(23, "masterDisabled", "Master key is disabled.", 403),
    Error(29, "txnNotFound", "Transaction not found.", 404),
    Error(30, "invalidHotWallet", "Invalid hotwallet.", 400),
    Error(31, "invalidParams", "Invalid parameters.", 400),
    Error(32, "unknownCmd", "Unknown method.", 405),
    Error(33, "noPathRequest", "No pathfinding request in progress.", 404),
    Error(35, "actMalformed", "Account malformed."),
    Error(36, "alreadyMultisig", "Already multisigned."),
    Error(37, "alreadySingleSig", "Already single-signed."),
    Error(40, "badFeature", "Feature unknown or invalid.", 500),
    Error(41, "badIssuer", "Issuer account malformed.", 400),
    Error(42, "badMarket", "No such market.", 404),
    Error(43, "badSecret", "Secret does not match account.", 403),
    Error(44, "badSeed", "Disallowed seed.", 403),
    Error(45, "channelMalformed", "Payment channel is malformed.", 400),
    Error(46, "channelAmtMalformed", "Payment channel amount is malformed.", 400),
    Error(47, "commandMissing", "Missing command entry.", 400),
    Error(48, "dstActMalformed", "Destination account is malformed.", 400),
    Error(49, "dstActMissing", "Destination account not provided.", 400),
    Error(50, "dstActNotFound", "Destination account not found.", 404),
    Error(51, "dstAmtMalformed", "Destination amount/currency/issuer is malformed.", 400),
    Error(52, "dstAmtMissing", "Destination amount/currency/issuer is missing.", 400),
    Error(53, "dstIsrMalformed", "Destination issuer is malformed.", 400),
    Error(57, "lgrIdxsInvalid", "Ledger indexes invalid.", 400),
    Error(58, "lgrIdxMalformed", "Ledger index malformed.", 400),
    Error(62, "publicMalformed", "Public key is malformed.", 400),
    Error(63, "signingMalformed", "Signing of transaction is malformed.", 400),
    Error(64, "sendMaxMalformed", "SendMax amount malformed.", 400),
    Error(65, "srcActMalformed", "Source account is malformed.", 400),
    Error(66, "srcActMissing", "Source account not provided.", 400),
    Error(67, "srcActNotFound", "Source account not found.", 404),
    Error(69, "srcCurMalformed", "Source currency is malformed.", 400),
    Error(70, "srcIsrMalformed", "Source issuer is malformed.", 400),
    Error(71, "malformedStream", "Stream malformed.", 400),
    Error(72, "deprecated", "Use the new API or specify a ledger range.", 400),
    Error(73, "internal", "Internal error.", 500),
    Error(74, "notImpl", "Not implemented.", 501),
    Error(75, "notSupported", "Operation not supported.", 501),
    Error(76, "badKeyType", "Bad key type.", 400),
    Error(77, "dbDeserialization", "Database deserialization error.", 502),
    Error(78, "excessiveLgrRange", "Ledger range exceeds 1000.", 400),
    Error(79, "invalidLgrRange", "Ledger range is invalid.", 400),
    Error(80, "unlBlocked", "Validator list expired.", 503),
    Error(92, "objectNotFound", "The requested object was not found.", 404),
    Error(93, "issueMalformed", "Issue is malformed.", 400),
    Error(94, "oracleMalformed", "Oracle request is malformed.", 400),
    Error(95, "badCredentials", "Credentials do not exist, are not accepted, or have expired.", 400),
    Error(96, "transactionSigned", "Transaction should not be signed.", 400),
    Error(97, "domainMalformed", "Domain is malformed.", 400),
    Error(98, "entryNotFound", "Entry not found.", 400),
    Error(99, "unexpectedLedgerType", "Unexpected ledger type.", 400),
)

ERRORS = {error.token: error for error in _ERRORS}
"""By token."""

_HTTP_STATUS = {error.code: error.http_status for error in _ERRORS}


def error_result(token: str, message: str | None = None) -> dict[str, Any]:
    """The result of rippled for the error `token`, with its own message unless another is given.

    Raises KeyError for a token that rippled does not have.
    """
    error = ERRORS[token]
    return {"error": error.token, "error_code": error.code, "error_message": message or error.message}


def http_status(error_code: object) -> int:
    """The HTTP status of a response with this `error_code` with `ripplerpc` 3.0; 200 for other values."""
    return _HTTP_STATUS.get(error_code, 200) if type(error_code) is int else 200
