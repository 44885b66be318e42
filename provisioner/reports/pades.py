"""Signing a report with a document certificate: PAdES B-B, which any PDF reader can check.

Whoever signs holds the key in a PKCS#12 file of their own; the service's authorities' keys are not
involved. Signatures add up: an official signs first, then the clerk's office with the agency's
certificate (Nghị định 30/2020/NĐ-CP). There is no time-stamp, so the time is the signer's word.
"""

import io
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.fields import SigSeedSubFilter

from ca.rulebook import DOCUMENT_SIGNING
from provisioner.errors import Invalid, Text
from provisioner.secret import Secret


@dataclass(frozen=True, slots=True)
class Signatory:
    """A document certificate with its key."""

    certificate: x509.Certificate
    signer: SimpleSigner

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


def signed(pdf: bytes, signatory: Signatory, *, place: str) -> bytes:
    """The document with one more signature, which covers all of it; what was there is not rewritten."""
    number = len(PdfFileReader(io.BytesIO(pdf)).embedded_signatures) + 1
    metadata = PdfSignatureMetadata(
        field_name=f"ChuKySo{number}",
        md_algorithm="sha384",
        location=place,
        subfilter=SigSeedSubFilter.PADES,
    )
    out = io.BytesIO()
    PdfSigner(metadata, signatory.signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out)
    return out.getvalue()
