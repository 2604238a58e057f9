"""`clients` against a proxy: a table, JSON or CSV of those who still need a version."""

import csv
import io

from tests.support.client import ask
from tests.support.commands import Run
from tests.support.start import StartNode, StartProxy
from tests.support.usage import use, use_on_websocket


async def test_the_command_prints_a_table_of_them(demo_node: StartNode, proxy: StartProxy, run: Run) -> None:
    served = await proxy(await demo_node(2))
    await use(served, "old/1\u202e31m", 1, "account_info", "fee")
    await use(served, "new/2", 2, "tx")
    status, out, err = await run("clients", "--url", served.observe_url, "--version", "1")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].split() == [
        *("address", "user", "agent", "user", "version", "requests", "last", "changed", "methods")
    ]
    assert "old/1?" in out
    assert "account_info 1" in out
    assert "new/2" not in out
    status, out, _ = await run("clients", "--url", served.observe_url, "--json")
    assert status == 0
    assert '"new/2"' in out


async def test_the_command_prints_csv_that_no_spreadsheet_takes_for_formulas(
    demo_node: StartNode, proxy: StartProxy, run: Run
) -> None:
    served = await proxy(await demo_node(2), versions={"dry_run_refuse": [1]})
    await use(served, '=HYPERLINK("x"), old', 1, "account_info", "account_info", "tx", "fee")
    await use_on_websocket(served, "new/2", {"command": "fee", "api_version": 2})
    assert (await run("call", "ping", "--url", f"{served.http_url}v2"))[0] == 0
    status, out, err = await run("clients", "--url", served.observe_url, "--csv")
    assert (status, err) == (0, "")
    own, new, old = csv.DictReader(io.StringIO(out, newline=""))
    assert old["user_agent"] == '\'=HYPERLINK("x"), old'
    assert (old["address"], old["user"], old["version"], old["would_refuse"]) == ("127.0.0.1", "", "1", "yes")
    assert (old["requests"], old["http_requests"], old["ws_requests"]) == ("4", "4", "0")
    assert old["changed_methods"] == "account_info 2; tx 1"
    assert old["first"] <= old["last"]
    assert (new["user_agent"], new["version"], new["ws_requests"]) == ("new/2", "2", "1")
    assert own["user_agent"].startswith("xrpl-version-proxy/")
    assert (own["version"], own["paths"].split()[0], new["paths"]) == ("2", "/v2", "")
    status, _, err = await run("clients", "--csv", "--json")
    assert status == 2
    assert "exclude" in err


async def test_the_command_reports_that_nobody_answers(unused_tcp_port: int, run: Run) -> None:
    status, _, err = await run("clients", "--url", f"http://127.0.0.1:{unused_tcp_port}")
    assert status == 3
    assert err == f"no response: http://127.0.0.1:{unused_tcp_port}: cannot be reached: connection refused\n"


async def test_an_address_without_a_scheme_is_refused_with_one_that_would_do(run: Run) -> None:
    for url in ("127.0.0.1:9652", "localhost:9652", "http://"):
        status, _, err = await run("clients", "--url", url)
        assert status == 2, url
        assert "expected a URL such as http://127.0.0.1:9652/" in err


async def test_the_command_rejects_an_address_that_is_not_the_observe_address(
    demo_node: StartNode, proxy: StartProxy, run: Run
) -> None:
    served = await proxy(await demo_node(2))
    await ask(served)
    status, _, err = await run("clients", "--url", served.http_url)
    assert status == 3
    assert "observe" in err
