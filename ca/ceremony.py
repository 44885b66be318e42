"""The ceremony: from a plan to a root, its issuing authorities and their first lists.

Holding it twice is safe. Keys are never made anew where the store has them, and what an
earlier, interrupted ceremony published is handed in and kept as it is. So a roll-over is a
ceremony too: the plan has one authority more, and only that one is made.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from ca.authority import Authority, der, self_sign
from ca.ceremony_file import CeremonyFile, Occasion, Participant, load_ceremony
from ca.crl import build_crl, lint_crl, read_crl
from ca.der import NOT_PARSABLE
from ca.errors import AuthorityMismatch, KeyMissing, LintFailure, ProfileInvalid, Text, Unreadable
from ca.findings import errors
from ca.hierarchy import ARL_DAYS, CRL_DAYS, DOCUMENT, MAIL, ROOT, Hierarchy, IssuingPlan
from ca.keys import KeyKind, KeyStore, PrivateKey, generate_key
from ca.lint import lint
from ca.names import AuthoritySubject
from ca.profiles import Profile
from ca.signing import Signer

__all__ = [
    "ARL_DAYS",
    "CRL_DAYS",
    "DOCUMENT",
    "MAIL",
    "ROOT",
    "Ceremony",
    "CeremonyFile",
    "Hierarchy",
    "IssuingPlan",
    "Occasion",
    "Participant",
    "hold",
    "load_ceremony",
    "rehearse",
]


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

    def fingerprints(self) -> Mapping[str, str]:
        """The SHA-256 fingerprint of every certificate by label, as hexadecimal pairs for the record."""
        return {
            label: hashlib.sha256(der(certificate)).hexdigest().upper()
            for label, certificate in self.certificates.items()
        }

    def authority(self, name: str, keystore: KeyStore) -> Authority:
        """The current issuing authority of this name, for example `mail`, with its key."""
        return self.authority_labelled(self.plan.label(name), keystore)

    def authority_labelled(self, label: str, keystore: KeyStore) -> Authority:
        """The authority of this label, for example `mail-g1`, with its key; the root too."""
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
    root = _earlier_certificate(earlier, root_label)
    root_key = _key(keystore, root_label, plan.key_kind, root)
    if root is None:
        root = self_sign(root_profile, subject, root_key, now=now)
    _require_ours(root, root_key, root_profile, root, subject)
    certificates[root_label] = root
    authority = Authority(root, root_key, base_url=plan.base_url, label=root_label)

    # 2. The root certifies each issuing authority.
    for issuing in plan.issuing:
        label, profile, subject = (
            plan.label_of(issuing),
            _profile(profiles, issuing.profile),
            plan.issuing_subject(issuing),
        )
        certificate = _earlier_certificate(earlier, label)
        key = _key(keystore, label, plan.key_kind, certificate)
        if certificate is None:
            public_key = key.public_key()
            certificate = authority.sign(authority.prepare(profile, subject, public_key, now=now))
        _require_ours(certificate, key, profile, root, subject)
        certificates[label] = certificate
        lists[label] = _first_list(earlier, label, certificate, key, now=now, days=CRL_DAYS)

    # 3. Everyone has a list, the root too, so that a strict reader finds all of them.
    lists[root_label] = _first_list(earlier, root_label, root, root_key, now=now, days=ARL_DAYS)
    return Ceremony(plan, MappingProxyType(certificates), MappingProxyType(lists))


def rehearse(plan: Hierarchy, *, profiles: Mapping[str, Profile], now: datetime) -> Ceremony:
    """Hold the ceremony with throw-away keys: every lint runs, and nothing of it is kept.

    What it raises, the ceremony would raise; its certificates show what would be made.
    """
    return hold(plan, _ThrowAwayKeys(), profiles=profiles, now=now)


class _ThrowAwayKeys:
    """A key store for a rehearsal, gone with it."""

    def __init__(self) -> None:
        self._keys: dict[str, PrivateKey] = {}

    def generate(self, label: str, kind: KeyKind) -> PrivateKey:
        self._keys[label] = generate_key(kind)
        return self._keys[label]

    def load(self, label: str) -> PrivateKey:
        if label not in self._keys:
            raise KeyMissing(
                "keystore.missing", Text(vi=f"Không có khóa {label}.", en=f"There is no key {label}.")
            )
        return self._keys[label]

    def labels(self) -> Collection[str]:
        return self._keys.keys()


def _profile(profiles: Mapping[str, Profile], name: str) -> Profile:
    if name not in profiles:
        raise ProfileInvalid(
            "profile.missing",
            Text(vi=f"Không có mẫu chứng thư {name!r}.", en=f"There is no profile {name!r}."),
        )
    return profiles[name]


def _key(keystore: KeyStore, label: str, kind: KeyKind, standing: x509.Certificate | None) -> PrivateKey:
    """The key of this label. None is made for a certificate that stands: its key is elsewhere, like a root's in its safe."""
    known = standing is not None or label in keystore.labels()
    return keystore.load(label) if known else keystore.generate(label, kind)


def _earlier_certificate(earlier: Mapping[str, bytes], label: str) -> x509.Certificate | None:
    data = earlier.get(f"{label}.cer")
    if data is None:
        return None
    try:
        return x509.load_der_x509_certificate(data)
    except NOT_PARSABLE as error:
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
