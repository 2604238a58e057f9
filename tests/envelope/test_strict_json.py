"""What is read as a request, what is refused, and what comes back as it was written."""

import contextlib
import json
import math
import sys
import time

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from proxy.envelope import Call, node_message, node_request, read_jsonrpc, read_websocket
from proxy.envelope.large_json import count_elements
from proxy.envelope.strict_json import MAX_DEPTH, MAX_ELEMENTS, RawNumber, RequestUnreadable, WrittenFloat, read, write
from tests.support.policies import POLICY

JSON_SCALARS = (
    st.none()
    | st.booleans()
    | st.text()
    | st.integers(-(2**31), 2**32 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
JSON_OBJECTS = st.dictionaries(
    st.text(),
    st.recursive(JSON_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10),
)


def refusal(body: bytes) -> str:
    with pytest.raises(RequestUnreadable) as caught:
        read(body, params_have_ids=True)
    return str(caught.value)


def test_a_plain_request_is_read_as_json() -> None:
    body = (
        b' {"method": "tx", "params": [{"binary": true, "min_ledger": 4294967295, "x": [-2147483648, 1.5, null]}]}\r\n'
    )
    assert read(body, params_have_ids=True) == json.loads(body)


def test_text_after_the_document_is_ignored() -> None:
    assert read(b'{"method":"ping"} x') == {"method": "ping"}
    assert read(b'{"method":"ping"}{"method":"stop"}') == {"method": "ping"}


@pytest.mark.parametrize("body", [b"5", b'"x"', b"true", b"1.5"])
def test_a_document_is_an_object_or_an_array(body: bytes) -> None:
    assert refusal(body) == "* Line 1, Column 1\n  A valid JSON document must be either an array or an object value.\n"


@pytest.mark.parametrize("body", [b"", b"   ", b"x", b"\xef\xbb\xbf{}", b"//c\n{}"])
def test_what_begins_no_document_is_refused_in_the_words_of_rippled(body: bytes) -> None:
    assert "Syntax error: value, object or array expected." in refusal(body)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a":}',
        b'{"a":1,}',
        b"[1,]",
        b'{"a" 1}',
        b"{'a':1}",
        b'{"a":01}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":+1}',
        b'{"a":.5}',
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    refusal(body)


def test_an_error_says_where() -> None:
    assert refusal(b'{"a":1,\n "b" 2}').startswith("* Line 2, Column 6\n")


@pytest.mark.parametrize("body", [b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}', b'{"a":1} \xff'])
def test_invalid_utf_8_is_refused(body: bytes) -> None:
    assert "UTF-8" in refusal(body)


@pytest.mark.parametrize(
    "body", [rb'{"a":"\ud800"}', rb'{"\udc00":1}', rb'{"id":"\ud800"}', rb'{"a":["\ud800\u0041"]}']
)
def test_half_a_surrogate_pair_is_refused(body: bytes) -> None:
    assert "surrogate" in refusal(body)


def test_a_surrogate_pair_is_one_character() -> None:
    assert read(rb'{"a":"\ud83d\ude00"}') == {"a": "😀"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"method":"tx","method":"stop"}',
        b'{"params":[{"api_version":1,"api_version":2}]}',
        b'{"id":{"a":1,"a":1}}',
        rb'{"a":1,"\u0061":2}',
    ],
)
def test_a_key_given_twice_is_refused(body: bytes) -> None:
    assert "appears twice." in refusal(body)


def test_keys_are_the_same_when_they_are_up_to_their_first_nul() -> None:
    assert refusal(rb'{"method":1,"method\u0000x":2}') == "* Key 'method' appears twice.\n"


def test_strings_end_at_their_first_nul() -> None:
    assert read(rb'{"a\u0000b":["c\u0000d", {"e":"\u0000"}]}') == {"a": ["c", {"e": ""}]}
    assert read(rb'{"a":"\\u0000"}') == {"a": "\\u0000"}, "an escaped backslash is no NUL"


def test_strings_of_an_id_do_not() -> None:
    assert read(rb'{"id":{"a\u0000b":"c\u0000d"}}') == {"id": {"a\0b": "c\0d"}}


@pytest.mark.parametrize("number", ["4294967296", "-2147483649", "18446744073709551616", "9" * 5000, "1e400", "-1e999"])
def test_numbers_out_of_range_are_refused_outside_of_an_id(number: str) -> None:
    for place in ('{"a":%s}', '{"params":[{"a":[%s]}]}', '{"a":{"id":%s}}', "[%s]"):
        assert refusal((place % number).encode()).endswith("exceeds the allowable range.\n")


def test_an_error_quotes_no_more_than_is_useful() -> None:
    assert len(refusal(b'{"a":' + b"9" * 100_000 + b"}")) < 100
    assert len(refusal(b'{"%b":1,"%b":1}' % (b"k" * 10_000, b"k" * 10_000))) < 100


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_non_number_is_refused(constant: bytes) -> None:
    refusal(b'{"a":' + constant + b"}")
    refusal(b'{"id":' + constant + b"}")


NUMBERS = [
    "0",
    "-0",
    "7",
    "4294967296",
    "123456789012345678901234567890",
    "1.0",
    "1.50",
    "1e0",
    "1E+2",
    "-0.0",
    "1e400",
    "0.1000",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("shape", ["%s", "[%s]", '{"a":[{"id":%s}]}'])
def test_the_numbers_of_an_id_are_written_as_they_were_read(number: str, shape: str) -> None:
    written = shape % number
    assert write(read(b'{"id":%b}' % written.encode())["id"]).decode() == written
    in_params = read(b'{"params":[{"id":%b}]}' % written.encode(), params_have_ids=True)["params"][0]["id"]
    assert write(in_params).decode() == written


@pytest.mark.parametrize("number", ["-0", "1.50", "1e2", "-0.0", "5e-324", "1e15", "1.0", "0.10", "1E+2", "1.5"])
def test_other_numbers_are_numbers_and_are_written_as_they_were_read(number: str) -> None:
    value = read(b'{"a":[%b]}' % number.encode())["a"][0]
    assert isinstance(value, float)
    assert value == float(number)
    assert write([value]) == b"[%b]" % number.encode()
    assert math.copysign(1, value) == math.copysign(1, json.loads(number))


def test_a_number_is_of_a_kind_of_its_own_only_where_it_would_be_rewritten() -> None:
    assert [type(value) for value in read(b"[1.5, 1.50]")] == [float, WrittenFloat]


FLOATS_60_000 = b",".join([b"1e15"] * 60_000)


def test_a_large_request_is_forwarded_as_it_was_written() -> None:
    call = read_jsonrpc(b'{"method":"ledger_current","params":[{"a":[%b]}]}' % FLOATS_60_000, POLICY)
    assert isinstance(call, Call)
    assert node_request(call.method, call.params, 2) == (
        b'{"method":"ledger_current","params":[{"a":[%b],"api_version":2}]}' % FLOATS_60_000
    )
    message = read_websocket(b'{"command":"ledger_current","a":[%b]}' % FLOATS_60_000, POLICY)
    assert isinstance(message, Call)
    assert FLOATS_60_000 in node_message(message.method, message.params, 2, 1)


def held_bytes(value: object) -> int:
    """Bytes that a value takes, and all that it holds."""
    size = sys.getsizeof(value)
    if isinstance(value, orjson.Fragment):
        return size + sys.getsizeof(orjson.dumps(value))
    if isinstance(value, dict):
        return size + sum(held_bytes(name) + held_bytes(member) for name, member in value.items())
    return size + sum(map(held_bytes, value)) if isinstance(value, list) else size


@pytest.mark.parametrize("unit", ["{}", "[]", '""', "1.1", '{"a":1}', "1e15", '{"a":[{}]}'])
def test_a_large_request_takes_no_more_memory_than_a_few_times_its_bytes(unit: str) -> None:
    units = 1
    while count_elements(f"[{','.join([unit] * units * 2)}]".encode()) < MAX_ELEMENTS:
        units *= 2
    body = f'{{"method":"fee","params":[{{"a":[{",".join([unit] * units)}]}}]}}'.encode()
    value = read(body, params_have_ids=True)
    assert write(value) == body
    assert held_bytes(value) < 2 * len(body) + 1_000


@pytest.mark.parametrize("unit", ["{}", "[]", '""', "1.1", '{"a":1}', "1e15", "1", '{"a":[{}]}', '"\\u0061"', '"a,"'])
def test_a_request_with_too_many_elements_is_refused(unit: str) -> None:
    body = f'{{"method":"fee","params":[{{"a":[{",".join([unit] * (999_000 // (len(unit) + 1)))}]}}]}}'.encode()
    assert f"elements, more than the {MAX_ELEMENTS} that are allowed" in refusal(body)


def test_commas_in_strings_are_not_elements() -> None:
    body = b'{"method":"fee","params":[{"a":"' + rb",\":[{" * 100_000 + b'","b":"' + b"{" * 100_000 + b'"}]}'
    assert read(body, params_have_ids=True) == json.loads(body)


def test_small_parts_of_a_large_request_are_read() -> None:
    body = b'{"command":"x","hotwallet":["a","b"],"asset":{"currency":"XRP"},"a":[%b]}' % FLOATS_60_000
    value = read(body)
    assert value["hotwallet"] == ["a", "b"]
    assert value["asset"] == {"currency": "XRP"}
    assert isinstance(value["a"], orjson.Fragment)


def large(part: bytes) -> bytes:
    """A request that is large, and that has `part` among what is not read one by one."""
    return b'{"method":"fee","params":[{"a":[%b,%b]}]}' % (b",".join([b"{}"] * 2000), part)


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (b'{"a":1,"a":2}', "Key 'a' appears twice."),
        (b'{"a":1,"\\u0061":2}', "Key 'a' appears twice."),
        (b"4294967296", "'4294967296' exceeds the allowable range."),
        (b"-2147483649", "'-2147483649' exceeds the allowable range."),
        (b"9" * 5000, "exceeds the allowable range."),
        (b"1e400", "'1e400' exceeds the allowable range."),
        (b"1" * 400 + b".5", "exceeds the allowable range."),
        (b'"\\ud800"', "A surrogate that is not half of a pair."),
        (b'"\\ud83d\\\\\\ude00"', "A surrogate that is not half of a pair."),
        (b'"\\ud83d","\\ude00"', "A surrogate that is not half of a pair."),
        (b'{"a\\u0000b":1}', "A key that has a NUL."),
        (b"[" * 26 + b"1" + b"]" * 26, "nesting depth exceeded"),
        (b"NaN", "'NaN' is not a number."),
        (b"01", "Syntax error"),
        (b"[1,]", "Syntax error"),
        (b'"\n"', "Syntax error"),
        (b'"\xff"', "Not valid UTF-8."),
    ],
)
def test_a_large_request_is_refused_for_what_a_small_one_is(part: bytes, why: str) -> None:
    assert why in refusal(large(part))


@pytest.mark.parametrize(
    "part",
    [
        b'{"a":{"a":1},"b":[{"a":1}]}',
        b"4294967295,-2147483648,-0,1e308",
        b'"\\ud83d\\ude00"',
        b'"\\\\ud800"',
        b'"a\\u0000b"',
        b"[" * 21 + b"1" + b"]" * 21,
        b" [ ] , { } ",
    ],
)
def test_what_is_right_in_a_small_request_is_right_in_a_large_one(part: bytes) -> None:
    assert write(read(large(part), params_have_ids=True)) == large(part)


def test_a_large_id_comes_back_as_it_was_written() -> None:
    body = b'{"id":[%b,1e400,99999999999999999999],"params":[{"id":[%b]}]}' % (FLOATS_60_000, b"-0," * 4000 + b"1.50")
    assert write(read(body, params_have_ids=True)) == body


def test_no_more_parameters_than_can_be_read_one_by_one() -> None:
    members = b",".join(b'"k%d":1.5' % number for number in range(5000))
    assert refusal(b'{"method":"fee","params":[{%b}]}' % members) == "* More than 4000 parameters.\n"


def test_params_have_ids_only_where_they_are_said_to() -> None:
    body = b'{"params":[{"id":1e400}]}'
    assert read(body, params_have_ids=True) == {"params": [{"id": RawNumber("1e400")}]}
    with pytest.raises(RequestUnreadable):
        read(body)


def test_a_value_may_stand_in_as_many_containers_as_in_rippled() -> None:
    at_the_limit = b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert read(at_the_limit) is not None
    assert read(b"[" + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]") is not None, "the innermost holds nothing"
    assert "depth" in refusal(b"[" + at_the_limit + b"]")
    with pytest.raises(RequestUnreadable, match="depth"):
        read(b'{"id":{"a":1}}', depth=1)


def test_brackets_in_strings_are_no_nesting() -> None:
    assert read(b'{"a":"' + b"[" * 100 + b'"}') == {"a": "[" * 100}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"a":' * 150_000,
        b'{"a":' + b"9" * 900_000 + b"}",
        b'{"id":' + b"9" * 900_000 + b"}",
        b'{"a":0.' + b"3" * 900_000 + b"}",
        b'{"a":1e' + b"3" * 900_000 + b"}",
        b"{" + b",".join(b'"%d":1' % i for i in range(80_000)) + b',"79999":1}',
        b'{"a":"' + rb"\u0000" * 150_000 + b'"}',
        b'{"a":[' + b"{}," * 300_000 + b"{}]}",
        b"\n" * 1_000_000,
    ],
    ids=["arrays", "objects", "integer", "id", "float", "exponent", "keys", "nuls", "empty", "lines"],
)
def test_a_hostile_megabyte_takes_no_time_to_speak_of(body: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(RequestUnreadable):
        read(body, params_have_ids=True)
    assert time.process_time() - began < 2


@settings(deadline=None)
@given(JSON_OBJECTS)
def test_any_json_object_is_read_as_json_reads_it_but_for_nuls(value: dict[str, object]) -> None:
    assume("\\u0000" not in json.dumps(value))
    value.pop("id", None)
    assert read(json.dumps(value).encode()) == value


@settings(deadline=None)
@given(JSON_OBJECTS)
def test_any_id_is_written_as_the_value_that_was_sent(value: dict[str, object]) -> None:
    sent = json.dumps(value)
    assert json.loads(write(read(b'{"id":%b}' % sent.encode()))) == {"id": value}


@settings(deadline=None)
@given(st.from_regex(r"\A-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?\Z"))
def test_any_number_of_an_id_is_written_as_it_was_read(number: str) -> None:
    assert write(read(b'{"id":%b}' % number.encode())) == b'{"id":%b}' % number.encode()


SCALARS = [
    '"a"',
    '"id"',
    '"a:b"',
    '"\\u0061"',
    '"\\n"',
    '"\x00"',
    "1",
    "-0",
    "4294967296",
    "1.0",
    "1e2",
    "null",
    "true",
]
OTHERS = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '{"a":1}',
    '{"a":1,"a":2}',
    '[{"id":-0}]',
    '"params"',
    '"x',
    "NaN",
    " ",
    "\ufeff",
]
PIECES = st.sampled_from([*SCALARS, *OTHERS])


@settings(max_examples=500, deadline=None, database=None)
@given(pieces=st.lists(PIECES, max_size=12), inside=st.booleans())
def test_what_is_read_quickly_is_what_is_read_with_care(pieces: list[str], inside: bool) -> None:
    """Text behind a document is ignored, and only the careful reading knows that."""
    text = "".join(pieces)
    body = (f'{{"method":"ping","params":[{{{text}}}]}}' if inside else text).encode()

    def outcome(given: bytes) -> object:
        try:
            return repr(read(given, params_have_ids=True))
        except RequestUnreadable:
            return "refused"

    try:
        json.loads(body)
    except ValueError:
        assume(inside)  # with more text behind it, half a document could become a whole one
    assert outcome(body) == outcome(body + b" x")
