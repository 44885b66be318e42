"""What the rule books say, with their numbers and dates: constants with a source, no code.

SBR is the CA/Browser Forum's S/MIME Baseline Requirements, here 1.0.16 of 2026-09-28.
It binds publicly trusted authorities; a province follows it so that every mail program
accepts its certificates. Decree 68/2024/NĐ-CP is the law of the official signature.
"""

from datetime import date
from enum import StrEnum
from typing import Final

from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

MAX_MAIL_DAYS: Final = 824
"""SBR 6.3.2 allows 825 days; pkilint warns on exactly 825 because both ends count (RFC 5280 4.1.2.5)."""

MAX_AUTHORITY_DAYS: Final = 7305
"""20 years: Decree 68/2024 Art. 9(1)."""

MAX_DOCUMENT_DAYS: Final = 1826
"""Five years: Decree 68/2024 Art. 9, a subscriber's new certificate. SBR 6.3.2 is about mail only."""

MAX_RENEWED_DAYS: Final = 1096
"""Three years: Decree 68/2024 Art. 9, a renewed certificate."""

MAX_RESPONDER_DAYS: Final = 90
"""An OCSP responder's certificate cannot be revoked (nocheck), so it is short (RFC 6960 4.2.2.2.1)."""

MAX_CRL_DAYS: Final = 10
"""SBR 4.9.7: nextUpdate of an issuing authority's CRL at most 10 days after thisUpdate."""

MAX_ARL_DAYS: Final = 365
"""SBR 4.9.7: nextUpdate of a root's CRL at most 12 months after thisUpdate."""

MIN_SERIAL_BITS: Final = 64
MAX_SERIAL_BITS: Final = 159
"""SBR 7.1: greater than zero, less than 2^159, at least 64 bits from a CSPRNG."""

SBR_FROM: Final = date(2023, 9, 1)
"""The day from which the S/MIME Baseline Requirements 1.0.0 apply."""

SBR_MAX_DAYS: Final = 825
"""SBR 6.3.2; SHA-1 is not among the algorithms of SBR 7.1.3.2."""

DECREE_FROM: Final = date(2024, 8, 15)
"""Decree 68/2024/NĐ-CP is in force from this day."""

LEGACY_UNTIL: Final = date(2025, 7, 15)
"""SBR ballot SMC08: from this day nothing is issued under the policies of the legacy generation."""

MAIL_ONLY_FROM: Final = date(2027, 7, 1)
"""SBR ballot SMC018: from this day only emailProtection and clientAuth in S/MIME certificates."""

RSA_AUTHORITY_4096_FROM: Final = date(2026, 9, 15)
"""SBR ballot SMC017v2: RSA keys of new authorities have at least 4096 bits from this day."""

RSA_ISSUER_3072_FROM: Final = date(2027, 9, 15)
"""SBR ballot SMC017v2: from this day nothing is issued under an RSA key of less than 3072 bits."""

SMIME_POLICY_ARC: Final = "2.23.140.1.5."
"""SBR 7.1.6.1: the arc of the reserved policies; exactly one of them in a subscriber certificate."""

ANY_POLICY: Final = "2.5.29.32.0"


ETSI_POLICY_ARC: Final = "0.4.0.2042."


LEGACY_POLICIES: Final = frozenset(f"{SMIME_POLICY_ARC}{level}.1" for level in (1, 2, 3, 4))

RESERVED_ARCS: Final = (SMIME_POLICY_ARC, ETSI_POLICY_ARC)


class EtsiPolicy(StrEnum):
    """The policies of document certificates, EN 319 411-1 5.3; NCP+ asks for a secure device."""

    NCP = "0.4.0.2042.1.1"
    NCP_PLUS = "0.4.0.2042.1.2"


class SmimePolicy(StrEnum):
    """The reserved policies that we use. The legacy generation is banned since 2025-07-15 (SMC08)."""

    ORGANIZATION_MULTIPURPOSE = "2.23.140.1.5.2.2"
    ORGANIZATION_STRICT = "2.23.140.1.5.2.3"
    SPONSOR_MULTIPURPOSE = "2.23.140.1.5.3.2"
    SPONSOR_STRICT = "2.23.140.1.5.3.3"

    @property
    def is_strict(self) -> bool:
        return self.value.endswith(".3")


DOCUMENT_SIGNING: Final = ObjectIdentifier("1.3.6.1.5.5.7.3.36")
"""RFC 9336."""

PURPOSES: Final = {
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "documentSigning": DOCUMENT_SIGNING,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
}
"""Extended key usages a profile may name. Any, serverAuth, codeSigning and timeStamping are left
out on purpose: SBR 7.1.2.3 forbids them next to emailProtection. OCSPSigning stands alone."""

MAIL_PURPOSES: Final = frozenset({"emailProtection", "clientAuth"})
DOCUMENT_PURPOSES: Final = frozenset({"documentSigning"})
