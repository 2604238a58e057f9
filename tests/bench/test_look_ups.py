"""The case of a page of account_tx, run for real: what it counts is right whatever the machine's speed."""

import sys
from pathlib import Path

from bench.lookup_cases import look_ups
from bench.python import Python


async def test_a_page_needs_each_distinct_ledger_once_and_the_same_page_none(tmp_path: Path) -> None:
    page = await look_ups(tmp_path, Python.at(sys.executable), 60)
    assert page.ledgers < 60
    assert page.first == page.ledgers
    assert page.again == 0
