"""The pages of two versions side by side: what they mark, what they say of it, and where they link to."""

import re
from html import unescape

import pytest

from proxy.spec import asyncapi, versions
from proxy.spec.comparison import comparison
from proxy.spec.pages import Addresses, overview, pairs

SITE = Addresses(
    "index.html", "{older}-{newer}.html", "o{version}", "a{version}", "v{version}", "w{version}", "notices"
)


def section(page: str, anchor: str) -> str:
    found = re.search(rf'<section class="\w+" id="{anchor}">.*?</section>', page, re.DOTALL)
    assert found is not None
    return found[0]


def rows(part: str) -> list[tuple[str, ...]]:
    """The marked rows: state, field and both cells."""
    cells = r'<tr class="(added|removed|changed)"><th scope=row>(.*?)<td>(.*?)<td>(.*?)(?=<tr|</tbody)'
    text = [
        [unescape(re.sub(r"<small>.*?</small>|<[^>]+>", "", each)) for each in found]
        for found in re.findall(cells, part)
    ]
    return [tuple(" ".join(each.split()) for each in row) for row in text]


def test_account_info_in_versions_1_and_2() -> None:
    part = section(comparison(1, 2, SITE), "account_info")
    assert rows(part) == [
        ("changed", "signer_lists changed", "Truthy, optional", "boolean, optional"),
        ("removed", "account_data.signer_lists removed", "SignerList[], optional", "absent"),
        ("added", "signer_lists added", "absent", "SignerList[], optional"),
    ]
    assert "<code>signer_lists</code> moved from <code>account_data</code>" in part
    assert "AccountInfo.cpp" in part
    for link in ("v1#account_info", "v2#account_info", "w1#account_info", "1-3.html#account_info"):
        assert f'href="{link}"' in part


@pytest.mark.parametrize(("older", "newer"), pairs())
def test_every_link_on_a_page_leads_to_a_section(older: int, newer: int) -> None:
    page = comparison(older, newer, SITE)
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    linked = set(re.findall(r'href="#([^"]+)"', page))
    assert linked <= set(anchors)
    assert len(linked) > 80


def test_what_only_one_version_has() -> None:
    page = comparison(1, 2, SITE)
    part = section(page, "tx_history")
    assert "Only in version 1." in part
    assert 'href="v1#tx_history"' in part
    assert 'href="v2#tx_history"' not in part
    assert 'href="v1#subscribe"' not in page  # no method of HTTP
    assert 'href="w1#subscribe"' in page


def test_a_type_marks_the_fields_that_contain_it() -> None:
    page = comparison(1, 2, SITE)
    assert (
        "changed",
        "ledger differs inside LedgerHeader",
        "LedgerHeader, optional",
        "LedgerHeader, optional",
    ) in rows(section(page, "ledger"))
    assert ("changed", "ledger_index changed", "NumberText, optional", "UInt32, optional") in rows(
        section(page, "type-LedgerHeader")
    )


def test_several_steps_have_the_notes_of_each() -> None:
    part = section(comparison(1, versions()[-1], SITE), "ledger_entry")
    for older, newer in zip(versions()[:3], versions()[1:3], strict=False):
        assert f"<h4>Version {older} to {newer}</h4>" in part


def test_versions_without_a_page() -> None:
    with pytest.raises(ValueError, match="version"):
        comparison(1, versions()[-1] + 1, SITE)


def test_the_overview_links_to_everything() -> None:
    page = overview(SITE)
    for version in versions():
        for link in (f"o{version}", f"a{version}", f"v{version}", f"w{version}"):
            assert f'href="{link}"' in page
    for older, newer in pairs():
        assert f'href="{older}-{newer}.html"' in page
    assert 'href="notices"' in page
    assert "Reference" not in overview(SITE._replace(http="", websocket=""))
    names = {each for each in asyncapi(1)["operations"] if f'href="1-2.html#{each}"' in page}
    assert {"account_info", "tx_history"} <= names
    assert "fee" not in names
