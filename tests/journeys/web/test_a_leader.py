"""A leader, in English and in Vietnamese: from the board to the names, to a report that carries the province's seal."""

import io
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from asn1crypto import x509
from cryptography import x509 as cryptography
from playwright.sync_api import expect
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from sqlalchemy import select

from provisioner.certificates.models import Certificate, Issuer, Purpose
from provisioner.operators.roles import Role
from tests.journeys.web.centre import LONG, Centre
from tests.mail.town import until
from tests.province import an_official, provide

WORDS = {
    "vi": {
        "missing": "còn thiếu",
        "back": "Trở lại số liệu",
        "report": "Báo cáo (PDF)",
        "sign": "Yêu cầu ký số của tỉnh",
        "signed": "Đã ký",
    },
    "en": {
        "missing": "missing",
        "back": "Back to the figures",
        "report": "Report (PDF)",
        "sign": "Have it signed by the province",
        "signed": "Signed",
    },
}


@pytest.mark.parametrize("language", ["en", pytest.param("vi", marks=pytest.mark.slow)])
def test_a_leader_goes_from_the_board_to_a_named_list_to_a_sealed_report(
    centre: Centre, language: str
) -> None:
    words = WORDS[language]
    provide(
        centre.database, an_official("CB7", "Lê Không Hộp"), an_official("CB8", "Vũ Hai"), now=centre.clock()
    )
    leader = centre.person("chi", Role.LEADER)
    assert until(lambda: has_seal(centre), within=60)
    page = leader.page
    leader.signs_in(language)

    page.get_by_role("link", name=re.compile(words["missing"])).first.click()
    expect(page.get_by_role("table")).to_be_visible()
    page.get_by_role("link", name=words["back"]).click()
    page.get_by_role("link", name=words["report"]).click()
    page.get_by_role("button", name=words["sign"]).click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text(
        words["signed"], timeout=LONG
    )  # the page asks by itself
    with page.expect_download() as sealed:
        page.get_by_role("table").get_by_role("link").first.click()
    document = Path(sealed.value.path()).read_bytes()

    assert sealed_by(document, centre) == seal(centre).serial_number


def sealed_by(document: bytes, centre: Centre) -> int:
    """The serial number of the only signature's certificate, once it is shown from the file and the root alone."""
    reader = PdfFileReader(io.BytesIO(document))
    context = DocumentSecurityStore.read_dss(reader).as_validation_context(
        {
            "trust_roots": [root(centre)],
            "moment": centre.clock(),
            "allow_fetching": False,
            "revocation_mode": "hard-fail",
        }
    )
    (signature,) = reader.embedded_signatures
    with (
        ThreadPoolExecutor() as elsewhere
    ):  # the validator starts an event loop; the browser's runs in this thread
        status = elsewhere.submit(validate_pdf_signature, signature, context).result()
    assert status.bottom_line, status.summary()
    return int(signature.signer_cert.serial_number)


def seal(centre: Centre) -> cryptography.Certificate:
    """The certificate of the province's seal."""
    with centre.database.reading() as session:
        (content,) = session.scalars(
            select(Certificate.der).where(
                Certificate.purpose == Purpose.DOCUMENT, Certificate.der.is_not(None)
            )
        )
    return cryptography.load_der_x509_certificate(content)


def has_seal(centre: Centre) -> bool:
    with centre.database.reading() as session:
        wanted = select(Certificate.issued_at).where(Certificate.purpose == Purpose.DOCUMENT)
        return session.scalar(wanted) is not None


def root(centre: Centre) -> x509.Certificate:
    with centre.database.reading() as session:
        return x509.Certificate.load(
            session.scalars(select(Issuer.certificate).where(Issuer.parent_id.is_(None))).one()
        )
