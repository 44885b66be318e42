"""Operators on the command line: the same functions as on the page, for whoever holds the server."""

from provisioner.db import Database
from provisioner.operators.models import Grant, Operator
from tests.cli.console import Provisioner, told
from tests.province import a_province, addresses, an_official, provide


def test_a_role_ends_on_a_day_and_an_official_is_tied_and_identified(
    database: Database, provisioner: Provisioner
) -> None:
    provide(a_province(database), an_official("CB1"))
    address = addresses(database)["CB1"]
    provisioner("operators", "add", "chi", "--full-name", "Lê Chi")

    provisioner("operators", "grant", "chi", "hr", "--agency", "H36.05", "--until", "2099-12-31")
    provisioner("operators", "tie", "chi", address.upper())
    provisioner("operators", "identify", "chi", "sub-1")

    with database.reading() as session:
        operator, grant = session.query(Operator).one(), session.query(Grant).one()
        assert (operator.person_id is not None, operator.subject) == (True, "sub-1")
        assert grant.until is not None
        assert grant.until.isoformat() == "2099-12-31T17:00:00+00:00"  # midnight in Vietnam
    assert "[official]" in provisioner("operators", "tie", "chi", "nobody@lamdong.gov.vn", status=1).stderr
    provisioner("operators", "tie", "chi")
    provisioner("operators", "identify", "chi")
    with database.reading() as session:
        operator = session.query(Operator).one()
        assert (operator.person_id, operator.subject) == (None, None)


def test_an_operator_without_a_mailbox_gets_another_address(
    database: Database, provisioner: Provisioner
) -> None:
    provisioner("operators", "add", "chi", "--full-name", "Lê Chi")

    assert "[operator-contact]" in provisioner("operators", "contact", "chi", "chi", status=1).stderr
    provisioner("operators", "contact", "chi", "chi@tinh.example")
    shown = told(provisioner("operators", "list", "--json"))
    provisioner("operators", "contact", "chi")

    assert [one["contact"] for one in shown] == ["chi@tinh.example"]
    assert [one["contact"] for one in told(provisioner("operators", "list", "--json"))] == [None]


def test_a_link_leads_to_the_site_of_the_settings(database: Database, provisioner: Provisioner) -> None:
    first = provisioner("operators", "bootstrap").stdout
    again = provisioner("operators", "link", "admin", "--site", "https://khac.lamdong.gov.vn/").stdout

    assert "https://capphat.lamdong.gov.vn/link/" in first
    assert "https://khac.lamdong.gov.vn/link/" in again
