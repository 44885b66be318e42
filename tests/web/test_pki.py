"""What verifiers fetch: certificates, lists and deltas, without a sign-in, and only once while they are the same."""

from datetime import timedelta

import pytest
from cryptography import x509
from sqlalchemy import update

from ca.authority import der
from ca.crl import Reason, base_number, crl_number
from provisioner.certificates.models import Issuer
from tests.books import LATER
from tests.ca.world import mail_authority
from tests.certificates.holders import certified, every_certificate
from tests.certificates.test_listing import published, revoked, serials
from tests.web.site import Site

LABEL = mail_authority().label


@pytest.fixture
def listed(site: Site) -> Site:
    """Two certificates, one of them revoked since the first list, and the second list published."""
    certified(site.database)
    published(site.database)
    revoked(site.database, every_certificate(site.database)[0], reason=Reason.key_compromise)
    published(site.database)
    return site


def test_everybody_fetches_certificate_list_and_delta(listed: Site) -> None:
    browser = listed.browser()
    first, _ = every_certificate(listed.database)

    certificate = browser.get(f"/ca/{LABEL}.cer")
    full, delta = browser.get(f"/crl/{LABEL}.crl"), browser.get(f"/crl/{LABEL}-delta.crl")

    assert certificate.data == der(mail_authority().certificate)
    assert certificate.content_type == "application/pkix-cert"
    lists = [x509.load_der_x509_crl(answer.data) for answer in (full, delta)]
    assert [crl_number(crl) for crl in lists] == [2, 2]
    assert [base_number(crl) for crl in lists] == [None, 1]
    assert [serials(crl) for crl in lists] == [{first.serial}, {first.serial}]
    assert full.content_type == delta.content_type == "application/pkix-crl"


def test_a_list_is_kept_for_a_minute_and_sent_again_only_when_it_is_another(listed: Site) -> None:
    browser = listed.browser()
    answer = browser.get(f"/crl/{LABEL}.crl")
    assert answer.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
    assert "Set-Cookie" not in answer.headers
    known = {"If-None-Match": answer.headers["ETag"]}

    assert browser.client.get(f"/crl/{LABEL}.crl", headers=known).status_code == 304
    published(listed.database, now=LATER + timedelta(days=1))
    again = browser.client.get(f"/crl/{LABEL}.crl", headers=known)

    assert again.status_code == 200
    assert crl_number(x509.load_der_x509_crl(again.data)) == 3


def test_a_list_is_read_from_the_books_once(listed: Site) -> None:
    browser = listed.browser()
    before = browser.get(f"/crl/{LABEL}.crl").data
    with listed.database.transaction() as session:
        session.execute(update(Issuer).values(crl=b"as if it were 5 MB"))

    assert browser.get(f"/crl/{LABEL}.crl").data == before


@pytest.mark.parametrize("path", ["/ca/nobody.cer", "/crl/nobody.crl", "/crl/root-g1-delta.crl"])
def test_what_there_is_not_is_not_found(listed: Site, path: str) -> None:
    assert listed.browser().get(path).status_code == 404
