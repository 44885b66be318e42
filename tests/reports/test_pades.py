"""A signed report, checked by a validator against our root with its lists, and by poppler."""

import io
import shutil
import subprocess
from datetime import timedelta

import pytest
from asn1crypto import crl, x509
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from ca.authority import der
from ca.pkcs12 import pack
from provisioner.errors import Invalid
from provisioner.reports.pades import Signatory, signed
from provisioner.reports.typesetting import typeset
from provisioner.secret import Secret
from tests.ca.world import NOW, a_person, an_agency, authority_for, profiles, world
from tests.reports.test_coverage_document import LETTERHEAD

PASSWORD = "mat-khau-cua-van-thu"
LATER = NOW + timedelta(hours=1)


def a_file(profile, *, now=NOW):
    """A PKCS#12 file of a new key, certified under this profile."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = authority_for(profile)
    subject = a_person() if profile.startswith("person") else an_agency()
    certificate = authority.sign(authority.prepare(profiles()[profile], subject, key.public_key(), now=now))
    return pack(key, certificate, [authority.certificate, world()[0].root], PASSWORD, "test")


def a_signatory(profile):
    return Signatory.from_pkcs12(a_file(profile), Secret(PASSWORD), now=LATER)


@pytest.fixture(scope="module")
def pdf():
    data = {
        **LETTERHEAD.as_data(),
        "kind": "Báo cáo",
        "subject": "Thử",
        "basis": [],
        "opening": "Mở đầu.",
        "published": None,
        "served": {"of": "1/2", "rate": "50%"},
        "used": {"of": "1/2", "rate": "50%"},
        "difficulties": [],
        "proposals": [],
        "closing": "Hết./.",
        "note": "Ghi chú.",
    }
    return typeset("yearly", data, at=NOW)


@pytest.fixture(scope="module")
def sealed(pdf):
    return signed(pdf, a_signatory("organization-document"), place="Lâm Đồng")


def checked(pdf):
    """What the validator says of every signature, with our root as the only trusted one and no network."""
    ceremony = world()[0]
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(der(ceremony.root))],
        crls=[crl.CertificateList.load(der(issued)) for issued in ceremony.lists.values()],
        moment=LATER,
        allow_fetching=False,
        revocation_mode="hard-fail",
    )
    return [
        validate_pdf_signature(signature, context)
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    ]


def test_a_sealed_report_is_trusted_up_to_the_provinces_root(sealed):
    (status,) = checked(sealed)

    assert status.bottom_line, status.summary()
    assert status.coverage.name == "ENTIRE_FILE"
    assert status.signing_cert.subject.native["organization_name"] == "Sở Khoa học và Công nghệ"


def test_the_signature_is_a_pades_one_and_rewrites_nothing(sealed, pdf):
    assert sealed.startswith(pdf)
    assert b"/ETSI.CAdES.detached" in sealed
    assert b"<pdfaid:part>2</pdfaid:part>" in sealed


def test_an_official_signs_first_and_the_agency_after(pdf):
    twice = signed(
        signed(pdf, a_signatory("person-document"), place="Lâm Đồng"),
        a_signatory("organization-document"),
        place="Lâm Đồng",
    )

    assert [status.bottom_line for status in checked(twice)] == [True, True]


def test_a_changed_letter_breaks_the_signature(sealed):
    where = sealed.index(b"/Title")
    (status,) = checked(sealed[:where] + b"/Tiger" + sealed[where + 6 :])

    assert not status.intact
    assert not status.bottom_line


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="needs poppler-utils")
def test_poppler_finds_the_signature_valid(sealed, tmp_path):
    path = tmp_path / "sealed.pdf"
    path.write_bytes(sealed)
    told = subprocess.run(
        ["pdfsig", "-nocert", str(path)], check=False, capture_output=True, text=True
    ).stdout

    assert "Signature is Valid." in told
    assert "Total document signed" in told


def test_a_mail_certificate_does_not_sign_documents():
    with pytest.raises(Invalid) as refused:
        a_signatory("organization-mail")

    assert refused.value.code == "signatory-not-for-documents"


@pytest.mark.parametrize("moment", [NOW - timedelta(days=2), NOW + timedelta(days=1200)])
def test_a_certificate_outside_its_dates_does_not_sign(moment):
    with pytest.raises(Invalid) as refused:
        Signatory.from_pkcs12(a_file("organization-document"), Secret(PASSWORD), now=moment)

    assert refused.value.code == "signatory-not-valid"


def test_a_wrong_password_and_a_wrong_file_are_told_alike():
    for content, password in ((a_file("organization-document"), "sai"), (b"%PDF", PASSWORD)):
        with pytest.raises(Invalid) as refused:
            Signatory.from_pkcs12(content, Secret(password), now=LATER)
        assert refused.value.code == "signatory-unreadable"
