"""`explain` and `changes` say what the adapters say."""

import orjson
import pytest

from adapters import VERSIONS
from proxy.spec.adapter_docs import changes_between
from tests.support.commands import Run


async def test_every_changed_method_is_listed_and_explained(run: Run) -> None:
    listed = await run("explain")
    assert listed.status == 0
    for method in VERSIONS.changed_methods():
        assert f"\n{method} " in f"\n{listed.out}"
        reported = await run("explain", method)
        assert reported.status == 0
        assert reported.out.startswith(f"{method}, API version")
        assert " client, v" in reported.out


async def test_what_each_direction_does_is_described(run: Run) -> None:
    reported = (await run("explain", "tx")).out
    assert "v1 client, v2 node: the request is rewritten; the result is rewritten" in reported
    assert "v2 client, v1 node: the adapter makes the node requests" in reported
    assert "Loss: of a binary transaction" in reported
    gone = (await run("explain", "peers")).out
    assert "v2 client, v1 node: the result is rewritten" in gone


async def test_an_adapters_words_include_those_of_what_it_is_made_of(run: Run) -> None:
    assert "`DeliverMax` only" in (await run("explain", "sign_for")).out


async def test_what_is_pushed_is_explained_with_subscribe(run: Run) -> None:
    reported = (await run("explain", "subscribe")).out
    assert "rewritten if their type is transaction, validationReceived" in reported
    assert "notSynced" in reported


async def test_a_method_that_did_not_change_is_said_to_be_the_same(run: Run) -> None:
    ran = await run("explain", "wallet_propose")
    assert ran.status == 0
    assert ran.out.startswith("wallet_propose is the same in API versions 1 to")


async def test_a_method_that_there_is_not_is_refused_with_a_likely_one(run: Run) -> None:
    ran = await run("explain", "acount_info")
    assert ran.status == 2
    assert "did you mean account_info?" in ran.err


async def test_the_changelog_has_every_change_and_loss(run: Run) -> None:
    ran = await run("changes", 1, 2)
    assert ran.status == 0
    assert ran.out.startswith("# From API version 1 to 2\n")
    (step,) = changes_between(1, 2)
    flat = " ".join(ran.out.split())
    for change in step.methods:
        assert f"### {change.subject}\n" in ran.out
        for words in (*change.text, *change.losses):
            assert words in flat
    assert "## Errors of any method" in ran.out
    assert "`transaction`, `validationReceived`" in flat
    assert "- account_info: answer: signer_lists added (SignerList[], optional)\n" in ran.out
    assert "- tx_history: the method was removed\n" in ran.out


async def test_programs_get_json(run: Run) -> None:
    (step,) = orjson.loads((await run("changes", 1, 2, "--json")).out)
    assert {change["subject"] for change in step["methods"]} == set(
        orjson.loads(orjson.dumps([change.subject for change in changes_between(1, 2)[0].methods]))
    )
    assert ("tx_history", "removed") in {(change["subject"], change["kind"]) for change in step["schemas"]}
    reported, *_ = orjson.loads((await run("explain", "account_info", "--json")).out)
    assert reported["directions"][0] == {
        "client": 1,
        "node": 2,
        "request_rewritten": True,
        "result_rewritten": True,
        "converses": False,
    }


@pytest.mark.parametrize("words", [[2, 1], [1, 1], [1, 99], [0, 1], ["a", "b"], [1]])
async def test_versions_between_which_nothing_stands_are_refused(run: Run, words: list[object]) -> None:
    ran = await run("changes", *words)
    assert ran.status == 2
    assert ran.err.startswith("Usage:")
