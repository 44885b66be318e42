"""Reading lists of revoked certificates: whose they are, their numbers, and what an entry says."""

from typing import Final

from cryptography import x509

from ca.der import NOT_PARSABLE
from ca.errors import Text, Unreadable
from ca.keys import public_key_of

Reason = x509.ReasonFlags

MAX_NUMBER: Final = 2**159
"""RFC 5280 5.2.3: at most 20 octets."""


def read_crl(data: bytes, *, issuer: x509.Certificate) -> x509.CertificateRevocationList:
    """Read a list (DER or PEM) and check that this authority signed it; Unreadable otherwise."""
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
    except NOT_PARSABLE as error:
        raise Unreadable(
            "crl.unreadable",
            Text(vi="Không đọc được danh sách thu hồi.", en="This is not a readable CRL."),
        ) from error
    if crl.issuer != issuer.subject or not crl.is_signature_valid(public_key_of(issuer)):
        raise Unreadable(
            "crl.not-ours",
            Text(vi="Danh sách thu hồi không do CA này ký.", en="The CRL was not signed by this authority."),
        )
    return crl


def crl_number(crl: x509.CertificateRevocationList) -> int:
    """The list's number."""
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def base_number(crl: x509.CertificateRevocationList) -> int | None:
    """The number of the full list that a delta adds to; None for a full list (RFC 5280 5.2.4)."""
    try:
        return crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number
    except x509.ExtensionNotFound:
        return None


def reason_of(entry: x509.RevokedCertificate) -> Reason | None:
    """The reason an entry states; None when it states none."""
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            return extension.value.reason
    return None


def stated_reason(reason: Reason | None) -> Reason | None:
    """The reason as a list or an answer states it: reason 0 is said by saying nothing (RFC 5280 5.3.1)."""
    return None if reason is Reason.unspecified else reason
