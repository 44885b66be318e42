"""An authority whose key cannot be used: the system page and the doctor say so."""

import pytest
from sqlalchemy import select

from ca.authority import der
from ca.errors import KeyStoreError, KeyStoreLocked, Text
from provisioner.audit import Who
from provisioner.certificates.models import Issuer
from provisioner.certificates.pausing import pause, resume
from provisioner.certificates.revoked_authorities import AuthorityRevocation
from provisioner.cli.doctor import authorities_work
from provisioner.errors import Unavailable
from provisioner.operators.roles import Role
from tests.ca.world import world
from tests.web.site import Site


@pytest.fixture
def with_authorities(site: Site) -> Site:
    with site.database.transaction() as session:
        session.add_all(
            Issuer(label=label, certificate=der(certificate))
            for label, certificate in world()[0].certificates.items()
        )
    return site


def paused(site: Site, error: KeyStoreError) -> None:
    with site.database.transaction() as session:
        pause(session, "mail-g1", error, now=site.now)


def test_the_system_page_says_which_authority_signs_nothing_and_why(with_authorities: Site) -> None:
    browser = with_authorities.signed_in("lan", Role.ADMIN)
    sentence = Text(vi="Không dùng được thiết bị.", en="The token cannot be used.")
    assert "tạm dừng ký" not in browser.page("/system")

    paused(with_authorities, KeyStoreError("keystore.token", sentence))

    page = browser.page("/system")
    assert page.count("tạm dừng ký") == 1
    assert "Không dùng được thiết bị." in page
    assert "The token cannot be used." in browser.page("/system?lang=en")


def test_the_system_page_says_which_authority_is_revoked(with_authorities: Site) -> None:
    browser = with_authorities.signed_in("lan", Role.ADMIN)
    assert "Đã thu hồi" not in browser.page("/system")

    with with_authorities.database.transaction() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == "mail-g1")).one()
        said = {"reason": "superseded", "note": "x", "planned_by": "an", "approved_by": "binh"}
        moments = {"planned_at": with_authorities.now, "approved_at": with_authorities.now}
        session.add(AuthorityRevocation(issuer_id=issuer.id, **said, **moments))

    assert browser.page("/system").count("Đã thu hồi") == 1


def test_the_doctor_fails_while_an_authority_is_paused_and_names_the_way_out(with_authorities: Site) -> None:
    services = with_authorities.app.extensions["provisioner"]
    assert "mail-g1" in authorities_work(services)

    paused(with_authorities, KeyStoreLocked("keystore.pin-refused", Text(vi="Sai PIN.", en="A wrong PIN.")))
    with pytest.raises(Unavailable) as said:
        authorities_work(services)

    assert "Sai PIN." in said.value.text.vi
    assert "A wrong PIN." in said.value.text.en
    for language in (said.value.text.vi, said.value.text.en):
        assert "provisioner ca resume" in language
        assert "document-g1" in language
    with with_authorities.database.transaction() as session:
        labels = session.scalars(select(Issuer.label)).all()
        assert resume(session, labels, who=Who("lan"), now=with_authorities.now) == 3
    assert "mail-g1" in authorities_work(services)
