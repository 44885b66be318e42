"""The ceremony: from a plan to a root, its issuing authorities and their first lists.

Holding it twice is safe. Keys are never made anew where the store has them, and what an
earlier, interrupted ceremony published is handed in and kept as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ca.authority import Authority, der, self_sign
from ca.crl import build_crl, lint_crl, read_crl
from ca.errors import AuthorityMismatch, LintFailure, ProfileInvalid, Text, Unreadable
from ca.findings import Finding, errors
from ca.keys import KeyKind, KeyStore, PrivateKey
from ca.lint import lint
from ca.lint_names import lint_subject
from ca.names import AuthoritySubject
from ca.profiles import Profile
from ca.signing import Signer

ROOT: Final = "root"
_BASE_URL: Final = re.compile(r"http://[a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*")
ARL_DAYS: Final = 180
CRL_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class IssuingPlan:
    """One issuing authority below the root; `title` opens its common name."""

    name: str
    profile: str
    title: str


MAIL: Final = IssuingPlan(name="mail", profile="mail-issuing", title="CA thư công vụ")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """What the owner decided: who they are, which mail domains are theirs, where things are published.

    `owner` is the legal name (O); `province` as in “tỉnh Lâm Đồng” ends every common name,
    followed by the `generation`. `base_url` is plain http without a closing slash.
    """

    owner: str
    province: str
    domains: tuple[str, ...]
    base_url: str
    generation: str = "G1"
    issuing: tuple[IssuingPlan, ...] = (MAIL,)
    key_kind: KeyKind = KeyKind.P384

    def __post_init__(self) -> None:
        subjects = [self.root_subject(), *(self.issuing_subject(plan) for plan in self.issuing)]
        findings = [finding for subject in subjects for finding in lint_subject(subject)]
        if not self.domains:
            findings.append(Finding("constraint.names"))
        if not _BASE_URL.fullmatch(self.base_url):
            findings.append(Finding("url.not-http", "base_url", self.base_url))
        if findings:
            raise LintFailure(tuple(findings))

    def label(self, name: str) -> str:
        """The label of an authority in the key store and in every address, such as `mail-g1`."""
        return f"{name}-{self.generation.lower()}"

    def root_subject(self) -> AuthoritySubject:
        return AuthoritySubject(self.owner, f"CA gốc {self.province} {self.generation}")

    def issuing_subject(self, plan: IssuingPlan) -> AuthoritySubject:
        return AuthoritySubject(self.owner, f"{plan.title} {self.province} {self.generation}", self.domains)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a ceremony made: certificates and first lists by label, the root's first."""

    plan: Hierarchy
    certificates: Mapping[str, x509.Certificate]
    lists: Mapping[str, x509.CertificateRevocationList]

    @property
    def root(self) -> x509.Certificate:
        return self.certificates[self.plan.label(ROOT)]

    def files(self) -> Mapping[str, bytes]:
        """Every DER under the name it is published by: `<label>.cer` and `<label>.crl`."""
        certificates = {f"{label}.cer": der(c) for label, c in self.certificates.items()}
        return certificates | {f"{label}.crl": der(crl) for label, crl in self.lists.items()}

    def authority(self, name: str, keystore: KeyStore) -> Authority:
        """The issuing authority of this name, for example `mail`, with its key."""
        label = self.plan.label(name)
        return Authority(
            self.certificates[label], keystore.load(label), base_url=self.plan.base_url, label=label
        )


def hold(
    plan: Hierarchy,
    keystore: KeyStore,
    *,
    profiles: Mapping[str, Profile],
    now: datetime,
    earlier: Mapping[str, bytes] = MappingProxyType({}),
) -> Ceremony:
    """Make what is missing of the hierarchy: keys, certificates, the root's ARL, first CRLs.

    `earlier` holds the files of an interrupted ceremony, as `Ceremony.files` named them;
    they must fit the plan and are not made again. Raises LintFailure when the plan or an
    earlier file breaks a rule, Unreadable for a file that is none, and what the key store raises.
    """
    certificates: dict[str, x509.Certificate] = {}
    lists: dict[str, x509.CertificateRevocationList] = {}

    # 1. The root signs itself.
    root_label, root_profile, subject = plan.label(ROOT), _profile(profiles, ROOT), plan.root_subject()
    root_key = _key(keystore, root_label, plan.key_kind)
    root = _earlier_certificate(earlier, root_label)
    if root is None:
        root = self_sign(root_profile, subject, root_key, now=now)
    _require_ours(root, root_key, root_profile, root, subject)
    certificates[root_label] = root
    authority = Authority(root, root_key, base_url=plan.base_url, label=root_label)

    # 2. The root certifies each issuing authority.
    for issuing in plan.issuing:
        label, profile, subject = (
            plan.label(issuing.name),
            _profile(profiles, issuing.profile),
            plan.issuing_subject(issuing),
        )
        key = _key(keystore, label, plan.key_kind)
        certificate = _earlier_certificate(earlier, label)
        if certificate is None:
            public_key = key.public_key()
            certificate = authority.sign(authority.prepare(profile, subject, public_key, now=now))
        _require_ours(certificate, key, profile, root, subject)
        certificates[label] = certificate
        lists[label] = _first_list(earlier, label, certificate, key, now=now, days=CRL_DAYS)

    # 3. Everyone has a list, the root too, so that a strict reader finds all of them.
    lists[root_label] = _first_list(earlier, root_label, root, root_key, now=now, days=ARL_DAYS)
    return Ceremony(plan, MappingProxyType(certificates), MappingProxyType(lists))


def _profile(profiles: Mapping[str, Profile], name: str) -> Profile:
    if name not in profiles:
        raise ProfileInvalid(
            "profile.missing",
            Text(vi=f"Không có mẫu chứng thư {name!r}.", en=f"There is no profile {name!r}."),
        )
    return profiles[name]


def _key(keystore: KeyStore, label: str, kind: KeyKind) -> PrivateKey:
    return keystore.load(label) if label in keystore.labels() else keystore.generate(label, kind)


def _earlier_certificate(earlier: Mapping[str, bytes], label: str) -> x509.Certificate | None:
    data = earlier.get(f"{label}.cer")
    if data is None:
        return None
    try:
        return x509.load_der_x509_certificate(data)
    except ValueError as error:
        raise Unreadable(
            "certificate.unreadable",
            Text(vi=f"Không đọc được {label}.cer.", en=f"{label}.cer is not a certificate."),
        ) from error


def _require_ours(
    certificate: x509.Certificate,
    key: PrivateKey,
    profile: Profile,
    issuer: x509.Certificate,
    expected: AuthoritySubject,
) -> None:
    """Check the key, the contents and the signature, whether made now or handed in."""
    Signer(key).require(certificate)
    if stopping := errors(lint(certificate, profile=profile, issuer=issuer, expected=expected)):
        raise LintFailure(stopping)
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature as error:
        raise AuthorityMismatch(
            "ceremony.signature",
            Text(
                vi=f"Chứng thư của {expected.common_name} không do CA gốc này ký.",
                en=f"The certificate of {expected.common_name} was not signed by this root.",
            ),
        ) from error


def _first_list(
    earlier: Mapping[str, bytes],
    label: str,
    certificate: x509.Certificate,
    key: PrivateKey,
    *,
    now: datetime,
    days: int,
) -> x509.CertificateRevocationList:
    data = earlier.get(f"{label}.crl")
    if data is None:
        return build_crl(certificate, key, (), number=1, now=now, days=days)
    crl = read_crl(data, issuer=certificate)
    if stopping := errors(lint_crl(crl, issuer=certificate)):
        raise LintFailure(stopping)
    return crl
