"""What the rule books allow a profile to say; the sources are in `ca.rulebook`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from ca.kinds import Kind
from ca.rulebook import (
    DOCUMENT_PURPOSES,
    ETSI_POLICY_ARC,
    MAIL_PURPOSES,
    MAX_AUTHORITY_DAYS,
    MAX_DOCUMENT_DAYS,
    MAX_MAIL_DAYS,
    MAX_RESPONDER_DAYS,
    SMIME_POLICY_ARC,
    EtsiPolicy,
    SmimePolicy,
)

if TYPE_CHECKING:
    from ca.profiles import Profile


class Breach(NamedTuple):
    """A rule that a profile breaks: its stable code and a sentence in both languages."""

    code: str
    vi: str
    en: str


_RESERVED: Final = {
    Kind.PERSON: {SmimePolicy.SPONSOR_MULTIPURPOSE, SmimePolicy.SPONSOR_STRICT},
    Kind.ORGANIZATION: {SmimePolicy.ORGANIZATION_MULTIPURPOSE, SmimePolicy.ORGANIZATION_STRICT},
    Kind.ISSUING: set(SmimePolicy),
}
_AUTHORITY_USAGE: Final = frozenset({"keyCertSign", "cRLSign"})
_SIGNING_USAGE: Final = frozenset({"digitalSignature"})
_COMMITTING_USAGE: Final = frozenset({"nonRepudiation"})
_DUAL_USAGE: Final = _SIGNING_USAGE | {"keyAgreement"}
_MIXED_USAGE: Final = _SIGNING_USAGE | _COMMITTING_USAGE
_OID: Final = re.compile(r"[012](\.(0|[1-9][0-9]{0,9}))+")


def breaches(profile: Profile) -> Iterator[Breach]:
    """Every rule that the profile breaks, the plainest first."""
    if not profile.name or not profile.version:
        yield Breach(
            "profile.unnamed",
            "Một mẫu chứng thư cần có tên và phiên bản.",
            "a profile has a name and a version",
        )
    yield from _policy_breaches(profile)
    match profile.kind:
        case Kind.ROOT:
            yield from _root_breaches(profile)
        case Kind.ISSUING:
            yield from _issuing_breaches(profile)
        case Kind.RESPONDER:
            yield from _responder_breaches(profile)
        case _ if profile.is_document:
            yield from _document_breaches(profile)
        case _:
            yield from _mail_breaches(profile)
    if profile.freshest_crl and not profile.kind.is_subscriber:
        yield Breach(
            "profile.freshest-crl",
            "Chỉ chứng thư thuê bao chỉ đến danh sách thu hồi bổ sung.",
            "only subscriber certificates point to a delta CRL",
        )


def _policy_breaches(profile: Profile) -> Iterator[Breach]:
    for oid in (*profile.policies, *profile.own_policies):
        # A larger arc (such as 2.25.<UUID>) is valid ASN.1 that several readers cannot hold.
        if not _OID.fullmatch(oid) or any(int(arc) > 2**31 - 1 for arc in oid.split(".")):
            yield Breach("profile.oid", f"{oid} không phải là OID dùng được.", f"{oid} is not a usable OID")
    for oid in profile.own_policies:
        if oid.startswith((SMIME_POLICY_ARC, ETSI_POLICY_ARC)):
            yield Breach(
                "profile.own-policy",
                f"{oid} không phải là chính sách riêng.",
                f"{oid} is not a policy of our own",
            )


def _days_breaches(profile: Profile, most: int) -> Iterator[Breach]:
    if not 1 <= profile.days <= most:
        yield Breach(
            "profile.days",
            f"{profile.days} ngày không nằm trong khoảng 1 đến {most} ngày.",
            f"{profile.days} days is not within {most}",
        )


def _signing_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _days_breaches(profile, MAX_AUTHORITY_DAYS)
    if profile.key_usages != _AUTHORITY_USAGE:
        yield Breach(
            "profile.key-usage",
            "CA chỉ ký chứng thư và danh sách thu hồi.",
            "an authority signs certificates and CRLs, nothing else",
        )


def _root_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _signing_breaches(profile)
    if profile.all_policies or profile.extended_key_usages or profile.path_length is not None:
        yield Breach(
            "profile.root",
            "CA gốc không có chính sách, mục đích hay giới hạn độ dài.",
            "a root has no policies, purposes or path length (SBR 7.1.2.1)",
        )


def _issuing_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _signing_breaches(profile)
    if profile.path_length != 0:
        yield Breach(
            "profile.path-length",
            "CA cấp phát phải có pathLen bằng 0.",
            "an issuing authority has path length 0",
        )
    allowed = set(EtsiPolicy) if profile.is_document else _RESERVED[Kind.ISSUING]
    if not profile.policies or not set(profile.policies) <= allowed:
        yield Breach(
            "profile.policies",
            "CA cấp phát liệt kê các chính sách dành riêng mà nó dùng.",
            "an issuing authority lists the reserved policies it issues under",
        )
    if profile.is_document:
        yield from _document_purposes(profile)
        return
    yield from _mail_purposes(profile)
    if not set(profile.extended_key_usages) <= MAIL_PURPOSES:
        yield Breach(
            "profile.purposes",
            "CA thư chỉ có emailProtection và clientAuth.",
            "a mail authority has emailProtection and clientAuth only (SMC018)",
        )


def _responder_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _days_breaches(profile, MAX_RESPONDER_DAYS)
    if profile.key_usages != _SIGNING_USAGE or profile.extended_key_usages != ("OCSPSigning",):
        yield Breach(
            "profile.responder",
            "Máy trả lời OCSP chỉ có digitalSignature và OCSPSigning.",
            "an OCSP responder has digitalSignature and OCSPSigning alone (RFC 6960 4.2.2.2)",
        )
    if profile.all_policies or profile.path_length is not None or profile.ocsp:
        yield Breach(
            "profile.responder",
            "Chứng thư trả lời OCSP không có chính sách, pathLen hay địa chỉ OCSP.",
            "an OCSP responder's certificate has no policies, path length or OCSP address",
        )


def _mail_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _days_breaches(profile, MAX_MAIL_DAYS)
    if len(profile.policies) != 1 or not set(profile.policies) <= _RESERVED[profile.kind]:
        yield Breach(
            "profile.policies",
            "Cần đúng một chính sách S/MIME dành riêng cho loại chủ thể này.",
            "exactly one reserved S/MIME policy, of this kind of subject (SBR 7.1.6.1)",
        )
        return  # the rest asks which policy it is
    if profile.key_usages not in (_SIGNING_USAGE, _DUAL_USAGE, _MIXED_USAGE):
        yield Breach(
            "profile.key-usage",
            "Chỉ dùng digitalSignature, có thể thêm keyAgreement hoặc nonRepudiation.",
            "digitalSignature, perhaps with keyAgreement or nonRepudiation (SBR 7.1.2.3 e)",
        )
    yield from _leaf_breaches(profile)
    yield from _mail_purposes(profile)
    if profile.is_strict and profile.extended_key_usages != ("emailProtection",):
        yield Breach(
            "profile.strict",
            "Loại nghiêm ngặt chỉ có emailProtection.",
            "the strict generation has emailProtection alone (SBR 7.1.2.3 f)",
        )


def _document_breaches(profile: Profile) -> Iterator[Breach]:
    yield from _days_breaches(profile, MAX_DOCUMENT_DAYS)
    if len(profile.policies) != 1 or not set(profile.policies) <= set(EtsiPolicy):
        yield Breach(
            "profile.policies",
            "Cần đúng một chính sách NCP hoặc NCP+ của ETSI.",
            "exactly one of the ETSI policies NCP and NCP+ (EN 319 411-1 5.3)",
        )
    if profile.key_usages != _COMMITTING_USAGE:
        yield Breach(
            "profile.key-usage",
            "Chứng thư ký văn bản chỉ dùng nonRepudiation.",
            "a document certificate has nonRepudiation alone (EN 319 412-2 4.3.2, type A)",
        )
    yield from _leaf_breaches(profile)
    yield from _document_purposes(profile)


def _leaf_breaches(profile: Profile) -> Iterator[Breach]:
    if profile.path_length is not None:
        yield Breach(
            "profile.path-length",
            "Chứng thư thuê bao không có pathLen.",
            "a subscriber certificate has no path length",
        )


def _mail_purposes(profile: Profile) -> Iterator[Breach]:
    purposes = profile.extended_key_usages
    if (
        "emailProtection" not in purposes
        or len(set(purposes)) != len(purposes)
        or not set(purposes) <= MAIL_PURPOSES | DOCUMENT_PURPOSES
    ):
        yield Breach(
            "profile.purposes",
            "Mục đích dùng khóa phải có emailProtection và không có mục đích bị cấm.",
            "purposes include emailProtection, once each, and none that S/MIME forbids",
        )


def _document_purposes(profile: Profile) -> Iterator[Breach]:
    if profile.extended_key_usages != ("documentSigning",):
        yield Breach(
            "profile.purposes",
            "Chứng thư ký văn bản chỉ có documentSigning.",
            "a document certificate has documentSigning alone (RFC 9336)",
        )
