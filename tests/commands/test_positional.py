"""Positional parameters mean what they mean to rippled's own command line (its RPCCall.cpp and RPCCall_test.cpp)."""

from typing import Any

import click
import pytest

from proxy.commands.arguments import as_json, split_named
from proxy.commands.positional import FORMS, Form, by_position

A, B = "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "rHYsCAx9wajfrQKYJTwKimTgcWFGbypCYY"
HASH = "0123456789ABCDEF" * 4


@pytest.mark.parametrize(
    ("line", "params"),
    [
        (f"account_info {A}", {"account": A}),
        (f"account_info {A} validated", {"account": A, "ledger_index": "validated"}),
        (f"account_info {A} 123", {"account": A, "ledger_index": 123}),
        (f"account_info {A} {HASH}", {"account": A, "ledger_hash": HASH}),
        (f"account_info {A} bogus", {"account": A, "ledger_index": "bogus"}),
        (f"account_lines {A} {B} current", {"account": A, "peer": B, "ledger_index": "current"}),
        (f"account_channels {A} {B}", {"account": A, "destination_account": B}),
        (f"account_tx {A} 5", {"account": A, "ledger_index": 5}),
        (f"account_tx {A} -1 -1", {"account": A, "ledger_index_min": -1, "ledger_index_max": -1}),
        (
            f"account_tx {A} 1 9 5 2 binary count descending",
            {
                "account": A,
                "ledger_index_min": 1,
                "ledger_index_max": 9,
                "limit": 5,
                "offset": 2,
                "binary": True,
                "count": True,
                "descending": True,
            },
        ),
        (
            f"book_offers XRP USD/{A} {B} validated 10",
            {
                "taker_pays": {"currency": "XRP"},
                "taker_gets": {"currency": "USD", "issuer": A},
                "taker": B,
                "ledger_index": "validated",
                "limit": 10,
            },
        ),
        (
            "channel_authorize secret0 CHANNEL 2000",
            {"secret": "secret0", "channel_id": "CHANNEL", "amount": "2000"},
        ),
        (
            "channel_authorize words ed25519 CHANNEL 2000",
            {"passphrase": "words", "key_type": "ed25519", "channel_id": "CHANNEL", "amount": "2000"},
        ),
        (
            f"deposit_authorized {A} {B} closed CRED",
            {
                "source_account": A,
                "destination_account": B,
                "ledger_index": "closed",
                "credentials": ["CRED"],
            },
        ),
        ("feature NAME reject", {"feature": "NAME", "vetoed": True}),
        (f"gateway_balances {A}", {"account": A}),
        (f"gateway_balances validated {A} {B}", {"ledger_index": "validated", "account": A, "hotwallet": [B]}),
        ("ledger", {}),
        ("ledger 7 tx", {"ledger_index": 7, "transactions": True, "expand": True}),
        ("ledger closed full", {"ledger_index": "closed", "full": True}),
        (f"ledger_entry {HASH} 5", {"index": HASH, "ledger_index": 5}),
        (
            'ripple_path_find {"a":1} closed',
            {"a": 1, "ledger_index": "closed"},
        ),
        ("server_info counters", {"counters": True}),
        ('sign s0 {"Fee":"1"} offline', {"secret": "s0", "tx_json": {"Fee": "1"}, "offline": True}),
        ('sign s0 {"Fee":"1"} Field', {"secret": "s0", "tx_json": {"Fee": "1"}, "signature_target": "Field"}),
        (f'sign_for {A} s0 {{"Fee":"1"}}', {"account": A, "secret": "s0", "tx_json": {"Fee": "1"}}),
        ("simulate 1200", {"tx_blob": "1200"}),
        ('simulate {"Fee":"1"} binary', {"tx_json": {"Fee": "1"}, "binary": True}),
        ("submit 1200", {"tx_blob": "1200"}),
        ('submit_multisigned {"Fee":"1"}', {"tx_json": {"Fee": "1"}}),
        (f"transaction_entry {HASH} 7", {"tx_hash": HASH, "ledger_index": 7}),
        (f"tx {HASH}", {"transaction": HASH}),
        (f"tx {HASH} binary 1 9", {"transaction": HASH, "binary": True, "min_ledger": 1, "max_ledger": 9}),
        ("tx C000003900000000", {"ctid": "C000003900000000"}),
        ("tx_history 20", {"start": 20}),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_as_rippled_reads_it(line: str, params: dict[str, Any]) -> None:
    method, *words = line.split()
    assert by_position(method, words) == params


@pytest.mark.parametrize(
    "line",
    [
        f"account_info {A} validated 3",
        f"account_tx {A} 1 9 5 2 7",
        f"account_tx {A} one nine",
        "tx_history first",
        f"transaction_entry {HASH}",
        "no_such_method here",
        "feature NAME maybe",
        "gateway_balances validated",
        "sign s0 hush-hush",
        f"tx {HASH} 1",
    ],
)
def test_what_has_no_meaning_is_refused_without_being_quoted(line: str) -> None:
    method, *words = line.split()
    with pytest.raises(click.UsageError) as refused:
        by_position(method, words)
    assert "hush-hush" not in refused.value.message
    assert "s0" not in refused.value.message


@pytest.mark.parametrize(("method", "form"), FORMS.items())
def test_too_many_or_too_few_words_print_the_form(method: str, form: Form) -> None:
    for count in (form.least - 1, (form.most or 99) + 1):
        if count and (count < form.least or form.most is not None):
            with pytest.raises(click.UsageError) as refused:
                by_position(method, ["x"] * count)
            assert form.usage in refused.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("validated", "validated"),
        ("true", True),
        ("131", 131),
        ('"131"', "131"),
        ("null", None),
        ("[1,2]", [1, 2]),
        ('{"currency":"XRP"}', {"currency": "XRP"}),
        ("1.5", 1.5),
        ("1.50", "1.50"),
        ("20000000000", "20000000000"),
        ("1" * 64, "1" * 64),
        ("12E4", "12E4"),
        ("NaN", "NaN"),
        ("", ""),
    ],
)
def test_a_value_is_json_where_rippled_could_hold_it(text: str, value: Any) -> None:
    assert as_json(text) == value
    assert type(as_json(text)) is type(value)


def test_named_parameters_stand_anywhere() -> None:
    words = ("rX", "signer_lists=true", "-1", 'memo={"a":"b=c"}')
    assert split_named(words) == (["rX", "-1"], {"signer_lists": True, "memo": {"a": "b=c"}})


@pytest.mark.parametrize("words", [("a=1", "a=2"), ("--secret=hush-hush",), ("-x",)])
def test_duplicate_names_and_unknown_options_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError) as refused:
        split_named(words)
    assert "hush-hush" not in refused.value.message
