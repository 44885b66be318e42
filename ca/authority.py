"""The one signing path: prepare a draft, let the caller commit it, sign exactly that.

    draft = authority.prepare(profile, subject, public_key, now=now)
    ...commit draft.serial and draft.tbs...
    certificate = authority.sign(draft)

After a crash between the two, `redraft` makes the draft again from the committed bytes. With
a key in memory signing it gives the same certificate, byte for byte. With one in a hardware
module (`deterministic` is false) a second signature would differ. So what the journal recorded is
the certificate, taken up with `adopt`, and only a draft without a record is signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca.crl import Revocation, sign_crl, sign_delta
from ca.der import NOT_PARSABLE, signed_part
from ca.errors import AuthorityMismatch, LintFailure, Text, Unreadable
from ca.extensions import Address, constant_extensions, key_identifier, own_extensions
from ca.findings import Finding, errors
from ca.keys import PrivateKey, PublicKey, accept, spki_bytes
from ca.kinds import Kind
from ca.lint import lint
from ca.lint_names import lint_subject
from ca.names import (
    AuthoritySubject,
    OrganizationSubject,
    PersonSubject,
    ResponderSubject,
    Subject,
    encode_name,
)
from ca.profiles import Profile
from ca.signing import Signer
from ca.tbs import compose
from ca.validity import window

_SUBJECTS: dict[Kind, type[Subject]] = {
    Kind.ROOT: AuthoritySubject,
    Kind.ISSUING: AuthoritySubject,
    Kind.RESPONDER: ResponderSubject,
    Kind.PERSON: PersonSubject,
    Kind.ORGANIZATION: OrganizationSubject,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A certificate that passed every lint and only lacks its issuer's signature.

    `der` are the final bytes under a throw-away signature. A draft that does not pass
    cannot be made: the constructor raises LintFailure, and ValueError or InvalidVersion when
    the bytes are no certificate. `warnings` are the findings that do not stop a signature.
    """

    der: bytes
    profile: Profile
    issuer: x509.Certificate
    expected: Subject | None = None
    specimen: x509.Certificate = field(init=False)
    serial: int = field(init=False)
    warnings: tuple[Finding, ...] = field(init=False)
    tbs: bytes = field(init=False)
    """The bytes to be signed: commit these before `sign`."""

    def __post_init__(self) -> None:
        specimen, tbs = x509.load_der_x509_certificate(self.der), signed_part(self.der)
        findings = lint(specimen, profile=self.profile, issuer=self.issuer, expected=self.expected, tbs=tbs)
        if stopping := errors(findings):
            raise LintFailure(stopping)
        object.__setattr__(self, "specimen", specimen)
        object.__setattr__(self, "serial", specimen.serial_number)
        object.__setattr__(self, "warnings", findings)
        object.__setattr__(self, "tbs", tbs)

    @property
    def not_before(self) -> datetime:
        return self.specimen.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        return self.specimen.not_valid_after_utc


class Authority:
    """A certificate authority with its key, and where it publishes."""

    def __init__(self, certificate: x509.Certificate, key: PrivateKey, *, base_url: str, label: str) -> None:
        self.certificate = certificate
        self.address = Address(base_url, label)
        self._signer = Signer(key)
        self._signer.require(certificate)
        self._issuer_name = certificate.subject.public_bytes()
        self._constant: dict[Profile, bytes] = {}

    @property
    def label(self) -> str:
        return self.address.label

    def prepare(
        self,
        profile: Profile,
        subject: Subject,
        public_key: PublicKey,
        *,
        serial: int | None = None,
        now: datetime,
    ) -> Draft:
        """Build a certificate and check it, without touching the authority's key.

        `public_key` may be any key; a weak one raises KeyRefused. Everything else that is
        wrong raises LintFailure with all findings. The validity starts at `now`, in whole
        seconds.
        """
        extensions = self._constant.get(profile)
        if extensions is None:
            extensions = constant_extensions(profile, key_identifier(self._signer.public_key), self.address)
            self._constant[profile] = extensions
        der = _build(
            profile,
            subject,
            public_key,
            issuer_name=self._issuer_name,
            extensions=extensions,
            signer=self._signer,
            serial=serial,
            now=now,
            latest=self.certificate.not_valid_after_utc if profile.shorten else None,
        )
        return Draft(der, profile, self.certificate, subject)

    def redraft(self, tbs: bytes, profile: Profile, *, expected: Subject | None = None) -> Draft:
        """Make the draft again from committed bytes; they pass the same lints as the first time.

        Raises Unreadable when the bytes are no certificate, LintFailure when they are not
        one of ours: another issuer's name or key identifier is a finding.
        """
        der = self._signer.specimen(tbs)
        try:
            unchanged = x509.load_der_x509_certificate(der).tbs_certificate_bytes == tbs
        except NOT_PARSABLE:
            unchanged = False
        if not unchanged:
            raise Unreadable(
                "draft.unreadable",
                Text(vi="Bản nháp đã lưu không đọc được.", en="The stored draft cannot be read."),
            )
        return Draft(der, profile, self.certificate, expected)

    @property
    def deterministic(self) -> bool:
        """Whether signing a draft again gives the same certificate; if not, ask the journal before signing."""
        return self._signer.deterministic

    def sign(self, draft: Draft) -> x509.Certificate:
        """Sign the draft's bytes; where `deterministic`, again the same certificate, byte for byte.

        Raises AuthorityMismatch for another authority's draft, and what the key store raises.
        """
        return x509.load_der_x509_certificate(self.sign_all([draft])[0])

    def sign_all(self, drafts: Sequence[Draft]) -> list[bytes]:
        """Sign these drafts, as `sign` does, and give the DER of all; none leaves before every signature is checked."""
        for draft in drafts:
            self._require_own(draft)
        return _seal(drafts, self._signer)

    def adopt(self, tbs: bytes, recorded: bytes) -> x509.Certificate:
        """The certificate that was recorded for these committed bytes before a crash, instead of signing again.

        No lint is asked: what was signed is a certificate, also when the profiles have changed. Raises Unreadable
        when the record is no certificate, AuthorityMismatch when it is not these bytes under a signature of this
        authority.
        """
        try:
            certificate = x509.load_der_x509_certificate(recorded)
        except NOT_PARSABLE as error:
            raise Unreadable(
                "certificate.unreadable",
                Text(vi="Chứng thư đã ghi không đọc được.", en="The recorded certificate cannot be read."),
            ) from error
        if certificate.tbs_certificate_bytes != tbs or not self._signer.has_signed(certificate):
            raise AuthorityMismatch(
                "signature.recorded",
                Text(
                    vi="Chứng thư đã ghi không phải của bản nháp này.",
                    en="The recorded certificate is not that of this draft.",
                ),
            )
        return certificate

    def _require_own(self, draft: Draft) -> None:
        if draft.issuer != self.certificate:
            raise AuthorityMismatch(
                "draft.issuer",
                Text(vi="Bản nháp này là của một CA khác.", en="This draft is another authority's."),
            )

    def sign_crl(
        self,
        revoked: Iterable[Revocation],
        *,
        number: int,
        now: datetime,
        days: int,
        with_delta: bool = False,
    ) -> x509.CertificateRevocationList:
        """Make the next full list; see `ca.crl.build_crl`. `with_delta` says that deltas will follow it."""
        delta_url = self.address.delta_crl if with_delta else None
        return sign_crl(
            self.certificate, self._signer, revoked, number=number, now=now, days=days, delta_url=delta_url
        )

    def sign_delta(
        self,
        revoked: Iterable[Revocation],
        *,
        base: x509.CertificateRevocationList,
        before: x509.CertificateRevocationList | None = None,
        number: int,
        now: datetime,
        days: int,
        not_after: Mapping[int, datetime] = MappingProxyType({}),
    ) -> x509.CertificateRevocationList:
        """Make the list of what changed since the full list `base`; see `ca.crl.build_delta`."""
        return sign_delta(
            self.certificate,
            self._signer,
            revoked,
            base=base,
            before=before,
            number=number,
            now=now,
            days=days,
            not_after=not_after,
        )


def self_sign(
    profile: Profile, subject: AuthoritySubject, key: PrivateKey, *, serial: int | None = None, now: datetime
) -> x509.Certificate:
    """Make a root's own certificate; the only one that is not issued by an Authority."""
    signer = Signer(key)
    specimen = _build(
        profile,
        subject,
        signer.public_key,
        issuer_name=encode_name(subject.attributes()),
        extensions=constant_extensions(profile, key_identifier(signer.public_key), Address("", "")),
        signer=signer,
        serial=serial,
        now=now,
        latest=None,
    )
    return x509.load_der_x509_certificate(
        _seal([Draft(specimen, profile, x509.load_der_x509_certificate(specimen), subject)], signer)[0]
    )


def _build(
    profile: Profile,
    subject: Subject,
    public_key: PublicKey,
    *,
    issuer_name: bytes,
    extensions: bytes,
    signer: Signer,
    serial: int | None,
    now: datetime,
    latest: datetime | None,
) -> bytes:
    findings = tuple(lint_subject(subject))
    if not isinstance(subject, _SUBJECTS[profile.kind]):
        findings += (Finding("profile.subject-kind", profile.name),)
    if findings:
        raise LintFailure(findings)  # some of these values could not even be encoded
    spki = spki_bytes(accept(public_key))
    tbs = compose(
        serial=x509.random_serial_number() if serial is None else serial,
        algorithm=signer.algorithm,
        issuer=issuer_name,
        validity=window(now, profile.days, latest=latest),
        subject=encode_name(subject.attributes()),
        public_key=spki,
        extensions=extensions + own_extensions(profile, subject, public_key, spki),
    )
    return signer.specimen(tbs)


def _seal(drafts: Sequence[Draft], signer: Signer) -> list[bytes]:
    sealed = signer.seal_all([draft.tbs for draft in drafts])
    if any(signed_part(signed) != draft.tbs for signed, draft in zip(sealed, drafts, strict=True)):
        raise AuthorityMismatch(
            "signature.bytes",
            Text(vi="Dữ liệu được ký khác với bản nháp.", en="The signed bytes differ from the draft."),
        )
    return sealed


def der(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """The DER of a certificate or a list."""
    return signed.public_bytes(serialization.Encoding.DER)
