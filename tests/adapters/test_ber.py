"""Our BER against the decoder and encoder of pyasn1 with ldap3's grammar of RFC 4511."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.protocol.rfc4511 import (
    LDAPDN,
    AddResponse,
    DelResponse,
    LDAPMessage,
    LDAPString,
    MessageID,
    ModifyResponse,
    ProtocolOp,
    ResultCode,
)
from pyasn1.codec.ber import decoder, encoder

from ldap_schema.difference import Change, Operation
from provisioner.adapters import ber

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = st.sampled_from(["uid", "cn", "mail", "userCertificate;binary", "congvuAgencyPath"])
VALUES = st.lists(
    st.binary(max_size=300) | st.sampled_from([b"x" * 1000, b"x" * 70_000]), min_size=1, max_size=3
).map(tuple)
IDS = st.integers(1, 2**31 - 1)
DNS = st.text(max_size=200)
RESPONSES = {
    ber.ADD_RESPONSE: AddResponse,
    ber.MODIFY_RESPONSE: ModifyResponse,
    ber.DELETE_RESPONSE: DelResponse,
}
KINDS = {
    ber.ADD_RESPONSE: "addResponse",
    ber.MODIFY_RESPONSE: "modifyResponse",
    ber.DELETE_RESPONSE: "delResponse",
}


def decoded(data: bytes) -> tuple[int, str, Any, Any]:
    """The message id, the kind of operation, the operation and the controls, as the other implementation has them."""
    message, rest = decoder.decode(data, asn1Spec=LDAPMessage())
    assert rest == b""
    operation = message["protocolOp"]
    return int(message["messageID"]), operation.getName(), operation.getComponent(), message["controls"]


def partial(attribute: Any) -> tuple[str, set[bytes]]:
    return str(attribute["type"]), {bytes(value) for value in attribute["vals"]}


@settings(deadline=None)
@given(IDS, DNS, st.dictionaries(NAMES, VALUES))
def test_an_add_is_read_as_it_was_meant(
    message_id: int, dn: str, attributes: dict[str, tuple[bytes, ...]]
) -> None:
    number, kind, operation, _ = decoded(ber.message(message_id, ber.add(dn, attributes)))

    assert (number, kind) == (message_id, "addRequest")
    assert bytes(operation["entry"]).decode() == dn
    assert [partial(attribute) for attribute in operation["attributes"]] == [
        (name, set(values)) for name, values in attributes.items()
    ]


@settings(deadline=None)
@given(IDS, DNS, st.lists(st.builds(Change, st.sampled_from(Operation), NAMES, VALUES | st.just(()))))
def test_a_modify_is_read_as_it_was_meant(message_id: int, dn: str, changes: list[Change]) -> None:
    number, kind, operation, _ = decoded(ber.message(message_id, ber.modify(dn, changes)))

    assert (number, kind) == (message_id, "modifyRequest")
    assert bytes(operation["object"]).decode() == dn
    assert [
        (int(change["operation"]), *partial(change["modification"])) for change in operation["changes"]
    ] == [(int(change.operation), change.attribute, set(change.values)) for change in changes]


@settings(deadline=None)
@given(IDS, DNS, NAMES, st.binary(max_size=300))
def test_a_delete_carries_its_condition(message_id: int, dn: str, name: str, value: bytes) -> None:
    number, kind, operation, controls = decoded(
        ber.message(message_id, ber.delete(dn, only_if=(name, value)))
    )
    condition, _ = decoder.decode(bytes(controls[0]["controlValue"]).replace(b"\xa3", b"\x30", 1))

    assert (number, kind) == (message_id, "delRequest")
    assert bytes(operation).decode() == dn
    assert len(controls) == 1
    assert bytes(controls[0]["controlType"]) == b"1.3.6.1.1.12"
    assert bool(controls[0]["criticality"])
    assert [bytes(part) for part in condition] == [name.encode(), value]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(IDS, st.sampled_from(sorted(RESPONSES)), st.sampled_from([0, 19, 68, 80, 122]), DNS, DNS),
        max_size=5,
    ),
    st.integers(1, 50),
)
def test_responses_are_read_from_pieces_of_any_size(
    sent: list[tuple[int, int, int, str, str]], size: int
) -> None:
    stream = b"".join(encoded(*response) for response in sent)
    buffer, received = bytearray(), []
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        while (response := ber.take_response(buffer)) is not None:
            received.append(tuple(response))

    assert received == sent
    assert not buffer


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_junk_is_malformed_or_incomplete_and_never_anything_else(junk: bytes) -> None:
    try:
        response = ber.take_response(bytearray(junk))
    except ber.MalformedError:
        return
    assert response is None or isinstance(response, ber.Response)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 255))
def test_a_response_with_one_wrong_byte_never_breaks_the_reader(place: int, value: int) -> None:
    data = bytearray(encoded(7, ber.ADD_RESPONSE, 68, "uid=a,ou=people,dc=vn", "entry exists"))
    data[place % len(data)] = value
    with suppress(ber.MalformedError):
        ber.take_response(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x31\x05abcde",
        b"\x30\x80",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x30\x84\x7f\xff\xff\xff",
        b"\x30\x00",
    ],
    ids=["not a message", "indefinite length", "length of five bytes", "two gigabytes", "empty"],
)
def test_what_no_directory_sends_is_malformed(data: bytes) -> None:
    with pytest.raises(ber.MalformedError):
        ber.take_response(bytearray(data))


def encoded(message_id: int, tag: int, code: int, matched_dn: str, diagnostic: str) -> bytes:
    response = RESPONSES[tag]()
    response["resultCode"] = ResultCode(code)
    response["matchedDN"] = LDAPDN(matched_dn)
    response["diagnosticMessage"] = LDAPString(diagnostic)
    message = LDAPMessage()
    message["messageID"] = MessageID(message_id)
    message["protocolOp"] = ProtocolOp().setComponentByName(KINDS[tag], response)
    return bytes(encoder.encode(message))
