"""Positional parameters, as on rippled's own command line (its RPCCall.cpp).

Other mistakes are left to the server to refuse, so that its own error is shown.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import click

from adapters import JsonObject
from proxy.commands.arguments import as_json, json_object

Words = Sequence[str]

_NAMED_LEDGERS = ("current", "closed", "validated")
_HASH = 64
_CTID = 16


class Form(NamedTuple):
    """The positional parameters of a method: `usage` for people, how many (`most` None: any
    number), and their meaning.
    """

    usage: str
    least: int
    most: int | None
    read: Callable[[Words], JsonObject]


def by_position(method: str, words: Words) -> JsonObject:
    """The parameters that `words` mean. Raises click.UsageError, which quotes none of them."""
    if not words:
        return {}
    form = FORMS.get(method)
    if form is None:
        raise click.UsageError(f"{method} has no positional parameters; give them as name=value")
    if len(words) < form.least or (form.most is not None and len(words) > form.most):
        raise click.UsageError(f"usage: {method} {form.usage}")
    return form.read(words)


def _ledger(word: str) -> JsonObject:
    if word in _NAMED_LEDGERS:
        return {"ledger_index": word}
    if len(word) == _HASH:
        return {"ledger_hash": word}
    return {"ledger_index": int(word) if word.isdecimal() else word}


def _number(word: str, what: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise click.UsageError(f"{what} must be a whole number") from None


def currency(word: str) -> JsonObject:
    """The currency that `XRP` or `USD/rIssuer` means, in the form of a request."""
    currency, slash, issuer = word.partition("/")
    return {"currency": currency, "issuer": issuer} if slash else {"currency": currency}


def _account(words: Words) -> JsonObject:
    return {"account": words[0], **(_ledger(words[1]) if len(words) > 1 else {})}


def _account_and(second: str) -> Callable[[Words], JsonObject]:
    def read(words: Words) -> JsonObject:
        params: JsonObject = {"account": words[0]}
        if len(words) > 1 and words[1]:
            params[second] = words[1]
        return {**params, **(_ledger(words[2]) if len(words) > 2 else {})}

    return read


def _account_tx(words: Words) -> JsonObject:
    params: JsonObject = {"account": words[0]}
    rest = list(words[1:])
    while rest and rest[-1] in ("binary", "count", "descending"):
        params[rest.pop()] = True
    if len(rest) == 1:
        return {**params, **_ledger(rest[0])}
    names = ("ledger_index_min", "ledger_index_max", "limit", "offset")
    if len(rest) > len(names):
        raise click.UsageError(f"usage: account_tx {FORMS['account_tx'].usage}")
    return {**params, **{name: _number(word, name) for name, word in zip(names, rest, strict=False)}}


def _book_offers(words: Words) -> JsonObject:
    params: JsonObject = {"taker_pays": currency(words[0]), "taker_gets": currency(words[1])}
    if len(words) > 2 and words[2]:
        params["taker"] = words[2]
    if len(words) > 3:
        params.update(_ledger(words[3]))
    if len(words) > 4 and (limit := _number(words[4], "limit")) > 0:
        params["limit"] = limit
    if len(words) > 5 and _number(words[5], "proof"):
        params["proof"] = True
    return params | ({"marker": as_json(words[6])} if len(words) > 6 else {})


def _channel_authorize(words: Words) -> JsonObject:
    names = (
        ("secret", "channel_id", "amount") if len(words) == 3 else ("passphrase", "key_type", "channel_id", "amount")
    )
    return dict(zip(names, words, strict=True))


def _channel_verify(words: Words) -> JsonObject:
    return dict(zip(("public_key", "channel_id", "amount", "signature"), words, strict=True))


def _deposit_authorized(words: Words) -> JsonObject:
    params: JsonObject = {"source_account": words[0], "destination_account": words[1]}
    if len(words) > 2:
        params.update(_ledger(words[2]))
    return params | ({"credentials": list(words[3:])} if len(words) > 3 else {})


def _feature(words: Words) -> JsonObject:
    if len(words) == 1:
        return {"feature": words[0]}
    vetoed = {"accept": False, "reject": True}.get(words[1].lower())
    if vetoed is None:
        raise click.UsageError("a vote on a feature is accept or reject")
    return {"feature": words[0], "vetoed": vetoed}


def _gateway_balances(words: Words) -> JsonObject:
    params: JsonObject = {}
    rest = list(words)
    if not rest[0].startswith("r"):
        params.update(_ledger(rest.pop(0)))
    if not rest:
        raise click.UsageError("gateway_balances needs an account")
    params["account"] = rest.pop(0)
    return params | ({"hotwallet": rest} if rest else {})


def _ledger_form(words: Words) -> JsonObject:
    what = {"full": {"full": True}, "tx": {"transactions": True, "expand": True}}
    return {**_ledger(words[0]), **(what.get(words[1], {}) if len(words) > 1 else {})}


def _ledger_entry(words: Words) -> JsonObject:
    return {"index": words[0], **(_ledger(words[1]) if len(words) > 1 else {})}


def _ripple_path_find(words: Words) -> JsonObject:
    return {**json_object(words[0], "the request"), **(_ledger(words[1]) if len(words) > 1 else {})}


def _counters(words: Words) -> JsonObject:
    return {"counters": True} if words[0] == "counters" else {}


def _sign(words: Words) -> JsonObject:
    if len(words) == 1:
        return {"tx_blob": words[0]}
    params: JsonObject = {"secret": words[0], "tx_json": json_object(words[1], "the transaction")}
    rest = list(words[2:])
    if rest and rest[0] == "offline":
        params["offline"] = bool(rest.pop(0))
    return params | ({"signature_target": rest[0]} if rest else {})


def _sign_for(words: Words) -> JsonObject:
    params: JsonObject = {"account": words[0], "secret": words[1], "tx_json": json_object(words[2], "the transaction")}
    if len(words) > 3 and words[3] != "offline":
        raise click.UsageError(f"usage: sign_for {FORMS['sign_for'].usage}")
    return params | ({"offline": True} if len(words) > 3 else {})


def _simulate(words: Words) -> JsonObject:
    given = as_json(words[0])
    params: JsonObject = {"tx_json": given} if isinstance(given, dict) else {"tx_blob": words[0]}
    if len(words) > 1 and words[1] != "binary":
        raise click.UsageError(f"usage: simulate {FORMS['simulate'].usage}")
    return params | ({"binary": True} if len(words) > 1 else {})


def _transaction_entry(words: Words) -> JsonObject:
    return {"tx_hash": words[0], **_ledger(words[1])}


def _tx(words: Words) -> JsonObject:
    params: JsonObject = {"ctid" if len(words[0]) == _CTID else "transaction": words[0]}
    rest = list(words[1:])
    if rest and rest[0] == "binary":
        params["binary"] = bool(rest.pop(0))
    if len(rest) not in (0, 2):
        raise click.UsageError(f"usage: tx {FORMS['tx'].usage}")
    return params | {name: _number(word, name) for name, word in zip(("min_ledger", "max_ledger"), rest, strict=False)}


_ACCOUNT = Form("<account> [<ledger>]", 1, 2, _account)

FORMS = {
    "account_channels": Form(
        '<account> [<destination account>|"" [<ledger>]]', 1, 3, _account_and("destination_account")
    ),
    "account_currencies": _ACCOUNT,
    "account_info": _ACCOUNT,
    "account_lines": Form('<account> [<peer>|"" [<ledger>]]', 1, 3, _account_and("peer")),
    "account_nfts": _ACCOUNT,
    "account_objects": _ACCOUNT,
    "account_offers": _ACCOUNT,
    "account_tx": Form(
        "<account> [<ledger> | <min> <max> [<limit> [<offset>]]] [binary] [count] [descending]", 1, 8, _account_tx
    ),
    "book_changes": Form("<ledger>", 1, 1, lambda words: _ledger(words[0])),
    "book_offers": Form(
        "<taker pays> <taker gets> [<taker> [<ledger> [<limit> [<proof> [<marker>]]]]], each of the first two XRP or "
        "USD/<issuer>",
        2,
        7,
        _book_offers,
    ),
    "channel_authorize": Form(
        "<secret> <channel> <drops> | <passphrase> <key type> <channel> <drops>", 3, 4, _channel_authorize
    ),
    "channel_verify": Form("<public key> <channel> <drops> <signature>", 4, 4, _channel_verify),
    "deposit_authorized": Form("<source> <destination> [<ledger> [<credential> …]]", 2, 11, _deposit_authorized),
    "feature": Form("[<feature> [accept|reject]]", 1, 2, _feature),
    "gateway_balances": Form("[<ledger>] <issuer> [<hot wallet> …]", 1, None, _gateway_balances),
    "ledger": Form("[<ledger> [full|tx]]", 1, 2, _ledger_form),
    "ledger_entry": Form("<index> [<ledger>]", 1, 2, _ledger_entry),
    "ledger_header": Form("<ledger>", 1, 1, lambda words: _ledger(words[0])),
    "manifest": Form("<public key>", 1, 1, lambda words: {"public_key": words[0]}),
    "owner_info": _ACCOUNT,
    "ripple_path_find": Form("<request as JSON> [<ledger>]", 1, 2, _ripple_path_find),
    "server_definitions": Form("[<hash>]", 1, 1, lambda words: {"hash": words[0]}),
    "server_info": Form("[counters]", 1, 1, _counters),
    "server_state": Form("[counters]", 1, 1, _counters),
    "sign": Form("<secret> <transaction as JSON> [offline] [<signature target>]", 2, 4, _sign),
    "sign_for": Form("<account> <secret> <transaction as JSON> [offline]", 3, 4, _sign_for),
    "simulate": Form("<transaction as JSON or blob> [binary]", 1, 2, _simulate),
    "submit": Form("<blob> | <secret> <transaction as JSON> [offline] [<signature target>]", 1, 4, _sign),
    "submit_multisigned": Form(
        "<transaction as JSON>", 1, 1, lambda words: {"tx_json": json_object(words[0], "the transaction")}
    ),
    "transaction_entry": Form("<hash> <ledger>", 2, 2, _transaction_entry),
    "tx": Form("<hash or CTID> [binary] [<min ledger> <max ledger>]", 1, 4, _tx),
    "tx_history": Form("<start>", 1, 1, lambda words: {"start": _number(words[0], "start")}),
    "vault_info": Form(
        "<vault> [<ledger>]", 1, 2, lambda words: {"vault_id": words[0], **(_ledger(words[1]) if words[1:] else {})}
    ),
}
"""rippled's public methods with positional parameters."""
