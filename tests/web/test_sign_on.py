"""The province's single sign-on, as a browser takes it: there, back, and what our books make of it."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from provisioner.adapters.single_sign_on import SingleSignOn
from provisioner.errors import Text, Unavailable
from provisioner.operators import naming
from provisioner.operators.models import SignedIn, Way
from provisioner.operators.roles import Role
from provisioner.operators.single_sign_on import Arrival, Identity
from provisioner.people.sealing import Sealer
from tests.books import count
from tests.operators.people import an_account, an_operator
from tests.province import SEALER, addresses, trail
from tests.web.provider import Provider, provider
from tests.web.site import Browser, Site

__all__ = ["provider"]

SESSION, JOURNEY, ARRIVAL = "__Host-session", "__Host-journey", "__Host-arrival"


@pytest.fixture
def joined(site: Site, provider: Provider) -> Site:
    """The site with the provider, at the hour that both agree on."""
    site.now = datetime.now(UTC)
    services = site.app.extensions["provisioner"]
    set_claim(site, "sub")
    services.__dict__["sign_on"] = provider.sign_on()
    return site


def set_claim(site: Site, claim: str) -> None:
    services = site.app.extensions["provisioner"]
    oidc = services.settings.oidc.model_copy(update={"claim": claim, "issuer": "https://sso.example"})
    services.settings = services.settings.model_copy(update={"oidc": oidc})
    services.__dict__.pop("entrance", None)


def known_as(site: Site, name: str, subject: str) -> None:
    with site.database.transaction() as session:
        naming.identify(session, naming.find_operator(session, name), subject, by="test", now=site.now)


def go(browser: Browser, provider: Provider, user: Any, path: str = "/sign-in/sso?next=/account") -> str:
    """Off to the provider and back to our door; the address of the answer."""
    away = browser.get(path)
    assert away.status_code == 303
    back = urlsplit(provider.asked(str(away.location), user))
    assert back.path == "/sign-in/sso/answer"
    return f"{back.path}?{back.query}"


def cookie(browser: Browser, name: str) -> str | None:
    found = browser.client.get_cookie(name)
    return found.value if found else None


def test_whoever_the_provider_knows_by_the_subject_of_an_operator_is_in(
    joined: Site, provider: Provider
) -> None:
    an_operator(joined.database, "chi", Role.LEADER)
    known_as(joined, "chi", "chi.sub")
    browser = joined.browser()
    assert "/sign-in/sso" in browser.page("/sign-in")

    answer = browser.get(go(browser, provider, provider.user("chi.sub", "chi@example.vn")))

    assert (answer.status_code, answer.location) == (303, "/account")
    assert "Người chi" in browser.page("/account")
    assert cookie(browser, JOURNEY) is None
    assert [event.after for event in trail(joined.database, "operator.signed-in")] == [{"way": "provider"}]


def test_whoever_no_operator_is_tied_to_is_nobody(joined: Site, provider: Provider) -> None:
    """Neither the name of an operator nor their address is enough: what counts was entered for them."""
    an_operator(joined.database, "stranger", Role.ADMIN)
    browser = joined.browser()

    answer = browser.get(go(browser, provider, provider.user("stranger", "stranger@lamdong.gov.vn")))

    assert answer.status_code == 403
    assert cookie(browser, SESSION) is None
    assert count(joined.database, SignedIn) == 0


def test_a_disabled_operator_does_not_come_in_this_way_either(joined: Site, provider: Provider) -> None:
    an_operator(joined.database, "chi", Role.LEADER)
    known_as(joined, "chi", "chi.out")
    with joined.database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=joined.now)
    browser = joined.browser()

    assert browser.get(go(browser, provider, provider.user("chi.out", "c@example.vn"))).status_code == 403


def test_a_role_that_asks_for_a_code_is_asked_for_ours(joined: Site, provider: Provider) -> None:
    account = an_account(joined.database, "chi", Role.APPROVER)
    known_as(joined, "chi", "chi.approver")
    browser = joined.browser()

    answer = browser.get(go(browser, provider, provider.user("chi.approver", "c@example.vn")))
    assert (answer.status_code, answer.location) == (303, "/sign-in/code")
    assert browser.get("/account").status_code == 303
    browser.page("/sign-in/code")
    assert browser.post("/sign-in/code", {"code": "000000"}).status_code == 403
    entered = browser.post("/sign-in/code", {"code": account.code(joined.now)})

    assert (entered.status_code, entered.location) == (303, "/account")
    assert browser.get("/account").status_code == 200
    assert cookie(browser, ARRIVAL) is None


def test_codes_cannot_be_tried_for_ever(joined: Site, provider: Provider) -> None:
    account = an_account(joined.database, "chi", Role.APPROVER)
    known_as(joined, "chi", "chi.guessed")
    browser = joined.browser()
    browser.get(go(browser, provider, provider.user("chi.guessed", "c@example.vn")))
    browser.page("/sign-in/code")

    answers = [browser.post("/sign-in/code", {"code": f"{n:06}"}).status_code for n in range(9)]

    assert answers == [403] * 8 + [429]
    assert browser.post("/sign-in/code", {"code": account.code(joined.now)}).status_code == 429


def test_a_role_that_asks_for_a_code_is_no_use_to_who_has_no_key(joined: Site, provider: Provider) -> None:
    an_operator(joined.database, "chi", Role.ADMIN)
    known_as(joined, "chi", "chi.keyless")
    browser = joined.browser()
    browser.get(go(browser, provider, provider.user("chi.keyless", "c@example.vn")))
    browser.page("/sign-in/code")

    assert browser.post("/sign-in/code", {"code": ""}).status_code == 403
    assert browser.get("/account").status_code == 303


def test_an_arrival_is_forgotten_after_five_minutes_and_cannot_be_made_up(joined: Site) -> None:
    account = an_account(joined.database, "chi", Role.APPROVER)
    with joined.database.reading() as session:
        operator_id = naming.find_operator(session, "chi").id
    genuine = Arrival(joined.now.timestamp(), "/account", False, operator_id).sealed(SEALER)
    elsewhere = Sealer({1: bytes(32)}, current=1)
    forged = Arrival(joined.now.timestamp(), "/account", False, operator_id).sealed(elsewhere)
    for carried in (forged, genuine[:-8], "x", "A" * 200, "é"):
        browser = joined.browser()
        browser.get("/sign-in")
        browser.client.set_cookie(ARRIVAL, carried)
        assert browser.post("/sign-in/code", {"code": account.code(joined.now)}).status_code == 403

    browser = joined.browser()
    browser.client.set_cookie(ARRIVAL, genuine)
    joined.later(minutes=6)
    assert browser.get("/sign-in/code").status_code == 403


def test_an_answer_of_another_browsers_journey_is_refused(joined: Site, provider: Provider) -> None:
    """Somebody is not signed in under an attacker's account by following a link (T12)."""
    an_operator(joined.database, "eve", Role.LEADER)
    known_as(joined, "eve", "eve")
    attacker, victim = joined.browser(), joined.browser()
    answer = go(attacker, provider, provider.user("eve", "eve@example.vn"))

    assert victim.get(answer).status_code == 403
    victim.get("/sign-in/sso")
    assert victim.get(answer).status_code == 403
    assert cookie(victim, SESSION) is None


def test_an_answer_is_good_once_and_not_for_long(joined: Site, provider: Provider) -> None:
    an_operator(joined.database, "chi", Role.LEADER)
    known_as(joined, "chi", "chi.twice")
    user = provider.user("chi.twice", "c@example.vn")
    browser = joined.browser()
    answer = go(browser, provider, user)
    journey = cookie(browser, JOURNEY) or ""
    assert browser.get(answer).status_code == 303
    browser.client.set_cookie(JOURNEY, journey)

    assert browser.get(answer).status_code == 403

    late = joined.browser()
    answer = go(late, provider, user)
    joined.later(minutes=11)
    assert late.get(answer).status_code == 403


def test_nobody_is_sent_to_another_site_by_the_way(joined: Site, provider: Provider) -> None:
    an_operator(joined.database, "chi", Role.LEADER)
    known_as(joined, "chi", "chi.next")
    browser = joined.browser()

    answer = browser.get(
        go(browser, provider, provider.user("chi.next", "c@example.vn"), "/sign-in/sso?next=//evil.example")
    )

    assert answer.location == "/"


class Vouching:
    """A provider that says this, whatever comes back."""

    def __init__(self, sign_on: SingleSignOn, identity: Identity) -> None:
        self.begin, self.identity = sign_on.begin, identity

    def finish(self, *_: object, **__: object) -> Identity:
        return self.identity


def vouching(site: Site, identity: Identity) -> None:
    services = site.app.extensions["provisioner"]
    services.__dict__["sign_on"] = Vouching(services.__dict__["sign_on"], identity)
    services.__dict__.pop("entrance", None)


def arrive(browser: Browser, path: str = "/sign-in/sso?next=/account") -> Any:
    assert browser.get(path).status_code == 303
    return browser.get("/sign-in/sso/answer?state=x&code=y")


@pytest.fixture
def official(joined: Site, province: Site) -> str:
    """The address of an official who is an operator; the provider is asked for addresses."""
    an_operator(joined.database, "anh", Role.LEADER, agency="H36.05")
    with joined.database.transaction() as session:
        from provisioner.mail.entering import official_at

        address = addresses(joined.database)["CB1"]
        found = official_at(session, address)
        assert found is not None
        naming.tie(session, naming.find_operator(session, "anh"), found[0], by="test", now=joined.now)
    set_claim(joined, "email")
    return address


def test_an_address_that_the_provider_vouches_for_is_enough_where_it_is_so_agreed(
    joined: Site, official: str
) -> None:
    browser = joined.browser()
    vouching(joined, Identity("whoever", official, second_factor=False))

    assert arrive(browser).status_code == 303
    assert "Người anh" in browser.page("/account")


@pytest.mark.parametrize(
    "email", [None, "nobody@lamdong.gov.vn", "skhcn@lamdong.gov.vn", "*@lamdong.gov.vn", ""]
)
def test_another_address_is_nobody(joined: Site, official: str, email: str | None) -> None:
    """Not even the mailbox of an agency, which several people read."""
    browser = joined.browser()
    vouching(joined, Identity("anh", email, second_factor=True))

    assert arrive(browser).status_code == 403


def test_two_factors_there_are_enough_where_it_is_so_agreed(joined: Site) -> None:
    an_account(joined.database, "chi", Role.APPROVER)
    known_as(joined, "chi", "chi.mfa")
    browser = joined.browser()
    vouching(joined, Identity("chi.mfa", None, second_factor=True))

    answer = arrive(browser)

    assert (answer.status_code, answer.location) == (303, "/account")


def test_a_step_up_through_the_provider_is_for_whose_session_it_is(joined: Site) -> None:
    for name in ("chi", "eve"):
        an_account(joined.database, name, Role.APPROVER)
        known_as(joined, name, f"{name}.again")
    browser = joined.browser()
    vouching(joined, Identity("chi.again", None, second_factor=True))
    arrive(browser)
    with joined.database.reading() as session:
        assert session.query(SignedIn).filter_by(way=Way.PROVIDER).count() == 1
    joined.later(minutes=20)
    browser.page("/account")
    assert browser.post("/account/renew", {"what": "password"}).location.startswith("/prove")
    assert "/prove/sso" in browser.page("/prove?next=/account")
    before = cookie(browser, SESSION)

    vouching_other = Identity("eve.again", None, second_factor=True)
    services = joined.app.extensions["provisioner"]
    services.__dict__["sign_on"].identity = vouching_other
    assert arrive(browser, "/prove/sso?next=/account").status_code == 403
    assert cookie(browser, SESSION) == before

    services.__dict__["sign_on"].identity = replace(vouching_other, subject="chi.again")
    assert arrive(browser, "/prove/sso?next=/account").location == "/account"
    assert cookie(browser, SESSION) != before
    browser.page("/account")
    assert browser.post("/account/renew", {"what": "password"}).location.startswith("/link/")


def test_a_provider_that_does_not_answer_is_a_page_in_words(joined: Site) -> None:
    def away(*_: object, **__: object) -> None:
        raise Unavailable(Text(vi="không trả lời", en="does not answer"))

    joined.app.extensions["provisioner"].__dict__["sign_on"] = SimpleNamespace(begin=away)

    assert joined.browser().get("/sign-in/sso").status_code == 503


def test_without_a_provider_there_is_no_such_way(site: Site) -> None:
    browser = site.browser()

    assert "/sign-in/sso" not in browser.page("/sign-in")
    assert browser.get("/sign-in/sso").status_code == 404
    assert browser.get("/sign-in/sso/answer?code=x&state=y").status_code == 403
