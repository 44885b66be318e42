"""The one signing path: prepare a draft, let the caller commit it, sign exactly that.

    draft = authority.prepare(profile, subject, public_key, now=now)
    ...commit draft.serial and draft.tbs...
    certificate = authority.sign(draft)

After a crash between the two, `redraft` makes the draft again from the committed bytes. With
a key in memory signing it gives the same certificate, byte for byte. With one in a hardware
module (`deterministic` is false) a second signature would differ: what the journal recorded is
the certificate, taken up with `adopt`, and only a draft without a record is signed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ca.crl import Revocation, sign_crl, sign_delta
from ca.der import NOT_PARSABLE
from ca.errors import AuthorityMismatch, LintFailure, Text, Unreadable
from ca.extensions import Address, Extension, constant_extensions, key_identifier, own_extensions
from ca.findings import Finding, errors
from ca.keys import PrivateKey, PublicKey, accept
from ca.kinds import Kind
from ca.lint import lint
from ca.lint_names import lint_subject
from ca.names import (
    AuthoritySubject,
    OrganizationSubject,
    PersonSubject,
    ResponderSubject,
    Subject,
    x509_name,
)
from ca.profiles import Profile
from ca.signing import Signer
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

    The specimen holds the final bytes under a throw-away signature. A draft that does
    not pass cannot be made: the constructor raises LintFailure. `warnings` are the
    findings that do not stop a signature.
    """

    specimen: x509.Certificate
    profile: Profile
    issuer: x509.Certificate
    expected: Subject | None = None
    warnings: tuple[Finding, ...] = field(init=False)
    tbs: bytes = field(init=False)
    """The bytes to be signed: commit these before `sign`."""

    def __post_init__(self) -> None:
        findings = lint(self.specimen, profile=self.profile, issuer=self.issuer, expected=self.expected)
        if stopping := errors(findings):
            raise LintFailure(stopping)
        object.__setattr__(self, "warnings", findings)
        object.__setattr__(self, "tbs", self.specimen.tbs_certificate_bytes)

    @property
    def serial(self) -> int:
        return self.specimen.serial_number

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
        self._constant: dict[Profile, tuple[Extension, ...]] = {}

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
        specimen = _build(
            profile,
            subject,
            public_key,
            issuer_name=self.certificate.subject,
            extensions=extensions,
            signer=self._signer,
            serial=serial,
            now=now,
            latest=self.certificate.not_valid_after_utc if profile.shorten else None,
        )
        return Draft(specimen, profile, self.certificate, subject)

    def redraft(self, tbs: bytes, profile: Profile, *, expected: Subject | None = None) -> Draft:
        """Make the draft again from committed bytes; they pass the same lints as the first time.

        Raises Unreadable when the bytes are no certificate, LintFailure when they are not
        one of ours: another issuer's name or key identifier is a finding.
        """
        try:
            specimen = x509.load_der_x509_certificate(self._signer.specimen(tbs))
            unchanged = specimen.tbs_certificate_bytes == tbs
        except NOT_PARSABLE:
            unchanged = False
        if not unchanged:
            raise Unreadable(
                "draft.unreadable",
                Text(vi="Bản nháp đã lưu không đọc được.", en="The stored draft cannot be read."),
            )
        return Draft(specimen, profile, self.certificate, expected)

    @property
    def deterministic(self) -> bool:
        """Whether signing a draft again gives the same certificate; if not, ask the journal before signing."""
        return self._signer.deterministic

    def sign(self, draft: Draft) -> x509.Certificate:
        """Sign the draft's bytes; where `deterministic`, again the same certificate, byte for byte.

        Raises AuthorityMismatch for another authority's draft, and what the key store raises.
        """
        return self.sign_all([draft])[0]

    def sign_all(self, drafts: Sequence[Draft]) -> list[x509.Certificate]:
        """Sign these drafts, as `sign` does; no certificate leaves before every signature is checked."""
        for draft in drafts:
            self._require_own(draft)
        return _seal(drafts, self._signer)

    def adopt(self, draft: Draft, recorded: bytes) -> x509.Certificate:
        """The certificate that was recorded for this draft before a crash, instead of signing again.

        Raises Unreadable when the bytes are no certificate, AuthorityMismatch when they are not
        this draft under a signature of this authority.
        """
        self._require_own(draft)
        try:
            certificate = x509.load_der_x509_certificate(recorded)
        except NOT_PARSABLE as error:
            raise Unreadable(
                "certificate.unreadable",
                Text(vi="Chứng thư đã ghi không đọc được.", en="The recorded certificate cannot be read."),
            ) from error
        if certificate.tbs_certificate_bytes != draft.tbs or not self._signer.has_signed(certificate):
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
        issuer_name=x509_name(subject.attributes()),
        extensions=constant_extensions(profile, key_identifier(signer.public_key), Address("", "")),
        signer=signer,
        serial=serial,
        now=now,
        latest=None,
    )
    return _seal([Draft(specimen, profile, specimen, subject)], signer)[0]


def _build(
    profile: Profile,
    subject: Subject,
    public_key: PublicKey,
    *,
    issuer_name: x509.Name,
    extensions: tuple[Extension, ...],
    signer: Signer,
    serial: int | None,
    now: datetime,
    latest: datetime | None,
) -> x509.Certificate:
    not_before, not_after = window(now, profile.days, latest=latest)
    findings = tuple(lint_subject(subject))
    if not isinstance(subject, _SUBJECTS[profile.kind]):
        findings += (Finding("profile.subject-kind", profile.name),)
    if findings:
        raise LintFailure(findings)  # some of these values could not even be encoded
    builder = x509.CertificateBuilder(
        issuer_name=issuer_name,
        subject_name=x509_name(subject.attributes()),
        public_key=accept(public_key),
        serial_number=x509.random_serial_number() if serial is None else serial,
        not_valid_before=not_before.replace(tzinfo=None),
        not_valid_after=not_after.replace(tzinfo=None),
        extensions=[*extensions, *own_extensions(profile, subject, public_key)],
    )
    return builder.sign(signer.throw_away, signer.hash)


def _seal(drafts: Sequence[Draft], signer: Signer) -> list[x509.Certificate]:
    sealed = signer.seal_all([draft.tbs for draft in drafts])
    certificates = [x509.load_der_x509_certificate(content) for content in sealed]
    if any(
        certificate.tbs_certificate_bytes != draft.tbs
        for certificate, draft in zip(certificates, drafts, strict=True)
    ):
        raise AuthorityMismatch(
            "signature.bytes",
            Text(vi="Dữ liệu được ký khác với bản nháp.", en="The signed bytes differ from the draft."),
        )
    return certificates


def der(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    """The DER of a certificate or a list."""
    return signed.public_bytes(serialization.Encoding.DER)
