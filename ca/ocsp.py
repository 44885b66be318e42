"""Answers to “is this certificate still good?”: RFC 6960, in the light form of RFC 5019.

A responder with a certificate of its own signs them; the authority's key is not needed.

    question = read_request(body)                  # POST, or read_request(from_path(tail)) for GET
    answer = responder.answer(question, revocation_or_none, now=now)

Answers without a nonce are the same for everybody, so `presign` makes them ahead for all
live serials. A serial that the books do not know is answered by `UNAUTHORIZED`, never by “good”.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from ca.authority import Authority, Draft
from ca.crl import Revocation, stated_reason
from ca.errors import AuthorityMismatch, CaError, Text, Unreadable
from ca.extensions import public_key_bits
from ca.keys import PrivateKey, PublicKey, public_key_of
from ca.names import ResponderSubject
from ca.profiles import Profile
from ca.signing import Signer, signature_hash
from ca.validity import whole_seconds

ANSWER_DAYS: Final = 4
"""SBR 4.9.10: between 8 hours and 10 days; made anew at least 8 hours before the end."""

MAX_REQUEST_BYTES: Final = 4 * 1024
"""A question about one certificate with a nonce has about 120 bytes; a signed one a few KiB at most."""

MAX_NONCE_BYTES: Final = 128
"""RFC 9654 2.1."""


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)


MALFORMED: Final = _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
UNAUTHORIZED: Final = _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
"""Not ours, or not known to us (RFC 5019 2.2.3). Unsigned, so it must not be cached for long."""
TRY_LATER: Final = _unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
INTERNAL_ERROR: Final = _unsuccessful(ocsp.OCSPResponseStatus.INTERNAL_ERROR)


class ResponderExpired(CaError):
    """The responder's certificate is not valid at this moment: it needs a new key and certificate."""

    kind = "unavailable"


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know: the status of one serial of one issuer.

    `algorithm` is the hash in which they name the issuer, sha1 (SBR allows it here) or sha256.
    """

    serial: int
    algorithm: str
    issuer_name_hash: bytes
    issuer_key_hash: bytes
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A signed answer and the window in which it may be served and cached."""

    der: bytes
    this_update: datetime
    next_update: datetime


def from_path(tail: str) -> bytes:
    """The request in the last part of a GET's path: base64, perhaps percent-encoded (RFC 6960 A.1).

    Raises Unreadable.
    """
    text = unquote(tail).replace(" ", "+")  # a plus sign that some server took for a space
    if len(text) > MAX_REQUEST_BYTES:
        raise _unreadable()
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable() from error


def read_request(der: bytes) -> Question:
    """Read a request about exactly one certificate; a signature on it is not looked at (RFC 5019 2.1.1).

    Raises Unreadable, which is answered by `MALFORMED`.
    """
    if len(der) > MAX_REQUEST_BYTES:
        raise _unreadable()
    try:
        request = ocsp.load_der_ocsp_request(der)
        algorithm = request.hash_algorithm
        extensions = list(request.extensions)
    except (ValueError, NotImplementedError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise _unreadable() from error
    nonce: bytes | None = None
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            nonce = extension.value.nonce
        elif extension.critical:
            raise _unreadable()
    if not isinstance(algorithm, hashes.SHA1 | hashes.SHA256):
        raise _unreadable()
    if nonce is not None and not 1 <= len(nonce) <= MAX_NONCE_BYTES:
        raise _unreadable()
    return Question(
        request.serial_number, algorithm.name, request.issuer_name_hash, request.issuer_key_hash, nonce
    )


def says(answer: bytes, revocation: Revocation | None) -> bool:
    """Whether this answer of ours (DER) says just that: good when there is no revocation."""
    said = ocsp.load_der_ocsp_response(answer)
    return (said.revocation_time_utc, said.revocation_reason) == _stated(revocation)


class Responder:
    """Answers for one authority, with a key and a certificate that the authority gave it."""

    def __init__(self, issuer: x509.Certificate, certificate: x509.Certificate, key: PrivateKey) -> None:
        """Raise AuthorityMismatch unless the issuer delegated answering to this very key."""
        _require_delegation(issuer, certificate, key)
        self.issuer = issuer
        self.certificate = certificate
        self._key = key
        self._hash = signature_hash(public_key_of(certificate))
        name, bits = issuer.subject.public_bytes(), public_key_bits(public_key_of(issuer))
        self._issuer = {
            algorithm.name: (algorithm, _digest(algorithm, name), _digest(algorithm, bits))
            for algorithm in (hashes.SHA1(), hashes.SHA256())  # noqa: S303  it names an issuer, no more
        }

    def is_about_ours(self, question: Question) -> bool:
        """Whether the question is about a certificate of our authority; if not, it is UNAUTHORIZED."""
        _, name_hash, key_hash = self._issuer[question.algorithm]
        return question.issuer_name_hash == name_hash and question.issuer_key_hash == key_hash

    def answer(self, question: Question, revocation: Revocation | None, *, now: datetime) -> Answer:
        """Sign what the books say about this serial, which they know: good, or revoked.

        The caller has asked `is_about_ours`, and whether the serial was issued: for one that was
        not, the answer is UNAUTHORIZED. The nonce comes back as it was asked. Raises
        ResponderExpired when the responder's certificate is not valid at `now`.
        """
        return self._sign(question.serial, revocation, question.algorithm, question.nonce, *self._window(now))

    def presign(
        self, statuses: Iterable[tuple[int, Revocation | None]], *, now: datetime, algorithm: str = "sha1"
    ) -> Iterator[tuple[int, Answer]]:
        """Answers without a nonce for many serials, each with its revocation or None for good.

        `algorithm` is the hash by which the askers name the issuer: SHA-1 with nearly all of them.
        Raises ResponderExpired before the first.
        """
        this_update, next_update = self._window(now)
        for serial, revocation in statuses:
            yield serial, self._sign(serial, revocation, algorithm, None, this_update, next_update)

    def _window(self, now: datetime) -> tuple[datetime, datetime]:
        this_update, end = whole_seconds(now), self.certificate.not_valid_after_utc
        if not self.certificate.not_valid_before_utc <= this_update < end:
            raise ResponderExpired(
                "ocsp.responder-expired",
                Text(
                    vi="Chứng thư của máy trả lời OCSP không còn hiệu lực.",
                    en="The certificate of the OCSP responder is not valid at this moment.",
                ),
            )
        return this_update, min(this_update + timedelta(days=ANSWER_DAYS, seconds=-1), end)

    def _sign(
        self,
        serial: int,
        revocation: Revocation | None,
        algorithm: str,
        nonce: bytes | None,
        this_update: datetime,
        next_update: datetime,
    ) -> Answer:
        issuer_hash, name_hash, key_hash = self._issuer[algorithm]
        since, reason = _stated(revocation)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                name_hash,
                key_hash,
                serial,
                issuer_hash,
                ocsp.OCSPCertStatus.GOOD if revocation is None else ocsp.OCSPCertStatus.REVOKED,
                this_update.replace(tzinfo=None),
                next_update.replace(tzinfo=None),
                None if since is None else since.replace(tzinfo=None),
                reason,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
            .certificates([self.certificate])
        )
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        response = builder.sign(self._key, self._hash)
        return Answer(response.public_bytes(Encoding.DER), this_update, next_update)


def _stated(revocation: Revocation | None) -> tuple[datetime | None, x509.ReasonFlags | None]:
    """The moment and the reason as an answer has them."""
    if revocation is None:
        return None, None
    return whole_seconds(revocation.revoked_at), stated_reason(revocation.reason)


def delegate(authority: Authority, profile: Profile, public_key: PublicKey, *, now: datetime) -> Draft:
    """The draft of a responder's certificate, to be committed and signed like any other.

    The responder is named after its authority and the day of its key; its owner is the authority's.
    """
    subject = authority.certificate.subject
    (owner,) = subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    name = f"OCSP {authority.label} {now.astimezone(UTC):%Y-%m-%d}"
    return authority.prepare(profile, ResponderSubject(str(owner.value), name), public_key, now=now)


def _require_delegation(issuer: x509.Certificate, certificate: x509.Certificate, key: PrivateKey) -> None:
    Signer(key).require(certificate)
    try:
        certificate.verify_directly_issued_by(issuer)
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise _not_delegated() from error
    if ExtendedKeyUsageOID.OCSP_SIGNING not in purposes:
        raise _not_delegated()


def _not_delegated() -> AuthorityMismatch:
    return AuthorityMismatch(
        "ocsp.not-delegated",
        Text(
            vi="CA này không giao cho chứng thư đó trả lời OCSP.",
            en="This authority did not delegate OCSP answers to that certificate.",
        ),
    )


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _unreadable() -> Unreadable:
    return Unreadable(
        "ocsp.unreadable",
        Text(vi="Đây không phải là một câu hỏi OCSP đọc được.", en="This is not a readable OCSP request."),
    )
