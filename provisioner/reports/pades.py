"""Signing a report with a document certificate (PAdES), which any PDF reader can check.

Whoever signs holds the key in a PKCS#12 file of their own, or it is the province's seal, whose key lies beside
the authorities' or in their module. Signatures add up: an official signs first, then the clerk's office with the
agency's certificate (Nghị định 30/2020/NĐ-CP).

Without evidence a signature is of level B-B. With the lists and answers of the day in the file, and the time-stamp
of somebody else, it is of level B-LT (ETSI EN 319 142-1): years later it proves itself without any network. Without
a time-stamp the time is the signer's word.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.keys import load_certs_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, Signer, SimpleSigner
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import ValidationError

from ca.authority import der
from ca.keys import PrivateKey
from ca.rulebook import DOCUMENT_SIGNING
from provisioner.errors import Invalid, Text, Unavailable
from provisioner.secret import Secret


class _KeySigner(Signer):
    """Signs with a key of cryptography's classes, in memory or in a module."""

    def __init__(
        self, key: PrivateKey, certificate: x509.Certificate, chain: Sequence[x509.Certificate]
    ) -> None:
        super().__init__(signing_cert=_asn1(certificate))
        for above in chain:
            self.cert_registry.register(_asn1(above))
        self._key = key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        if dry_run:
            # Room for r and s with what DER adds, which is more than an RSA signature needs.
            return bytes(self._key.key_size // 4 + 16)
        algorithm = _HASHES[digest_algorithm]
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            return self._key.sign(data, ec.ECDSA(algorithm))
        return self._key.sign(data, padding.PKCS1v15(), algorithm)


_HASHES: Final[Mapping[str, hashes.SHA256 | hashes.SHA384]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves a signature when nobody answers any more: lists (CRL) and answers (OCSP) in DER, and who is trusted."""

    roots: tuple[x509.Certificate, ...]
    authorities: tuple[x509.Certificate, ...]
    lists: tuple[bytes, ...]
    answers: tuple[bytes, ...]
    moment: datetime


@dataclass(frozen=True, slots=True)
class Signatory:
    """A document certificate with its key."""

    certificate: x509.Certificate
    signer: Signer

    @classmethod
    def with_key(
        cls,
        key: PrivateKey,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
        *,
        now: datetime,
    ) -> Self:
        """Whose key is at hand, in memory or in a module. Raises `Invalid` as `from_pkcs12` does."""
        _require_for_documents(certificate, now)
        return cls(certificate, _KeySigner(key, certificate, chain))

    @classmethod
    def from_pkcs12(cls, content: bytes, password: Secret, *, now: datetime) -> Self:
        """Open a PKCS#12 file.

        Raises `Invalid` when the password or the file is wrong, and when the certificate is not for
        documents or not valid now.
        """
        secret = password.reveal().encode()
        try:
            certificate = pkcs12.load_pkcs12(content, secret).cert
            signer = SimpleSigner.load_pkcs12_data(content, other_certs=[], passphrase=secret)
        except ValueError:
            certificate = signer = None
        if certificate is None or signer is None:
            raise Invalid(
                Text(
                    vi="Không mở được tệp PKCS#12: sai mật khẩu, hoặc tệp không có khóa và chứng thư.",
                    en="The PKCS#12 file cannot be opened: a wrong password, or no key and certificate in it.",
                ),
                code="signatory-unreadable",
            )
        _require_for_documents(certificate.certificate, now)
        return cls(certificate.certificate, signer)


def _require_for_documents(certificate: x509.Certificate, now: datetime) -> None:
    """The usages of the profiles `person-document` and `organization-document`, within the dates."""
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        meant = DOCUMENT_SIGNING in purposes and usage.content_commitment
    except x509.ExtensionNotFound:
        meant = False
    if not meant:
        raise Invalid(
            Text(
                vi="Chứng thư này không dùng để ký văn bản; hãy dùng chứng thư ký văn bản.",
                en="This certificate is not for signing documents; use a document certificate.",
            ),
            code="signatory-not-for-documents",
        )
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Invalid(
            Text(
                vi=f"Chứng thư chỉ có hiệu lực từ {certificate.not_valid_before_utc:%d/%m/%Y} "
                f"đến {certificate.not_valid_after_utc:%d/%m/%Y}.",
                en=f"The certificate is valid from {certificate.not_valid_before_utc:%d/%m/%Y} "
                f"to {certificate.not_valid_after_utc:%d/%m/%Y} only.",
            ),
            code="signatory-not-valid",
        )


def signed(
    pdf: bytes,
    signatory: Signatory,
    *,
    place: str,
    evidence: Evidence | None = None,
    stamper: TimeStamper | None = None,
) -> bytes:
    """The document with one more signature, which covers all of it; what was there is not rewritten.

    Nothing is fetched: the evidence has the stamper's lists too. Raises `Unavailable` when the stamper does not
    answer, or when the evidence does not prove a certificate, its or ours, that is.
    """
    number = len(PdfFileReader(io.BytesIO(pdf)).embedded_signatures) + 1
    metadata = PdfSignatureMetadata(
        field_name=f"ChuKySo{number}",
        md_algorithm="sha384",
        location=place,
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=evidence is not None,
        validation_context=_context(evidence) if evidence else None,
    )
    out = io.BytesIO()
    signing = PdfSigner(metadata, signatory.signer, timestamper=stamper)
    try:
        signing.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out)
    except (SigningError, TimestampRequestError, ValidationError, OSError) as error:
        raise Unavailable(
            Text(
                vi=f"Không ký được văn bản: {error}",
                en=f"The document cannot be signed: {error}",
            ),
            code="document-unsigned",
        ) from error
    return out.getvalue()


def _context(evidence: Evidence) -> ValidationContext:
    return ValidationContext(
        trust_roots=[_asn1(root) for root in evidence.roots],
        other_certs=[_asn1(certificate) for certificate in evidence.authorities],
        crls=evidence.lists,
        ocsps=evidence.answers,
        moment=evidence.moment,
        revocation_mode="hard-fail",
        allow_fetching=False,
    )


def _asn1(certificate: x509.Certificate) -> Any:
    """The certificate in pyHanko's own class."""
    (same,) = load_certs_from_pemder_data(der(certificate))
    return same
