"""Lists that exist because agencies and blocs do: made once, named for good, members counted in the books."""

import pytest
from sqlalchemy import select, update

from ldap_schema.membership import leaders_of_agency, own_people, parts
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.directory.reconciling import Compared, reconcile
from provisioner.errors import NotFound
from provisioner.lists.keeping import is_behind, keep
from provisioner.lists.members import lists_of, permit
from provisioner.lists.models import MailingList, Senders
from provisioner.mailboxes.models import Mailbox, Status
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    FINANCE,
    QUOTAS,
    a_province,
    a_unit,
    addresses,
    an_agency,
    an_official,
    import_list,
    policy,
    provide,
    synced,
    the_mailbox,
    trail,
)

DOMAIN = "lamdong.gov.vn"


@pytest.fixture
def province(database: Database) -> Database:
    kept(a_province(database))
    return database


def kept(database: Database) -> int:
    with database.transaction() as session:
        return keep(session, domain=DOMAIN)


def behind(database: Database) -> bool:
    with database.reading() as session:
        return is_behind(session)


def members(database: Database, agency: str | None = None) -> dict[str, frozenset[str]]:
    """Local part of each list's address to its members."""
    with database.reading() as session:
        return {one.address.partition("@")[0]: one.members for one in lists_of(session, agency)}


def test_every_agency_has_three_lists_and_every_bloc_two(province: Database) -> None:
    found = members(province)

    assert len(found) == 3 * len(AGENCIES) + 2
    assert {
        "tatca.ubnd",
        "lanhdao.ubnd",
        "tatca.skhcn",
        "canbo.skhcn",
        "tatca.cds.skhcn",
        "tatca.khoinhanuoc",
    } <= set(found)


def test_lists_are_made_once_and_follow_a_change_of_their_agency(province: Database) -> None:
    synced(province, FakeDirectory(DIT))
    assert not behind(province)
    assert kept(province) == 0

    import_list(province, FINANCE | {"ten": "Sở Tài chính và Kế hoạch"})

    assert behind(province)
    assert kept(province) == 3
    assert not behind(province)
    with province.reading() as session:
        pending = session.scalars(
            select(MailingList.address).where(MailingList.revision > MailingList.synced_revision)
        )
        assert sorted(pending) == [f"{prefix}.stc@{DOMAIN}" for prefix in ("canbo", "lanhdao", "tatca")]


def test_two_agencies_of_one_abbreviation_have_two_lists_and_the_first_keeps_its_name(
    province: Database,
) -> None:
    import_list(
        province,
        an_agency("H36.07", "Sở Tư pháp", "skhcn", "H36"),
        an_agency("H36.08", "Sở Xây dựng", "skhcn", "H36"),
    )
    kept(province)

    with province.reading() as session:
        named = dict(
            session.execute(
                select(Agency.code, MailingList.address)
                .join(MailingList, MailingList.agency_id == Agency.id)
                .where(MailingList.audience == "all", Agency.abbreviation == "skhcn")
            ).all()
        )
    assert named == {
        "H36.05": f"tatca.skhcn@{DOMAIN}",
        "H36.07": f"tatca.skhcn.ubnd@{DOMAIN}",
        "H36.08": f"tatca.h36.08@{DOMAIN}",
    }


def test_nobody_gets_an_address_that_looks_like_a_list() -> None:
    assert policy().is_reserved("tatca.skhcn")
    assert policy().is_reserved("LanhDao.skhcn")
    assert not policy().is_reserved("anhnt.skhcn")


def test_members_are_who_holds_a_post_and_receives(province: Database) -> None:
    provide(
        province,
        an_official("CB1", "Nguyễn Thị Ánh", lanh_dao="x"),
        an_official("CB2", "Trần Văn Bình", ma_co_quan="H36.05.01"),
        an_official("CB3", "Lê Thị Cúc", ma_co_quan="H36.06"),
        an_official("CB4", "Đỗ Văn Dũng", ma_co_quan="H36.06"),
        an_official("CB5", "Vũ Thị Giang", ma_co_quan="H36.06"),
        a_unit("H36.05"),
    )
    who = addresses(province)
    with province.transaction() as session:
        for number, status in (("CB4", Status.LOCKED), ("CB5", Status.DISABLED)):
            mailbox_id = the_mailbox(province, who[number]).id
            session.execute(update(Mailbox).where(Mailbox.id == mailbox_id).values(status=status))

    found = members(province)

    everybody = {who[number] for number in ("CB1", "CB2", "CB3", "CB4")}
    assert found["tatca.ubnd"] == found["tatca.khoinhanuoc"] == everybody
    assert found["tatca.skhcn"] == {who["CB1"], who["CB2"]}
    assert found["canbo.skhcn"] == {who["CB1"]}
    assert found["tatca.cds.skhcn"] == {who["CB2"]}
    assert found["lanhdao.ubnd"] == found["lanhdao.skhcn"] == {who["CB1"]}
    assert found["lanhdao.stc"] == frozenset()
    assert set(members(province, "H36.06")) == {"tatca.stc", "canbo.stc", "lanhdao.stc"}
    with pytest.raises(NotFound):
        members(province, "H36.99")


def test_the_directory_holds_each_list_with_its_question_and_no_members(province: Database) -> None:
    directory = FakeDirectory(DIT)
    provide(province, an_official("CB1"))
    synced(province, directory)

    lists = {
        entry["mail"][0].decode().partition("@")[0]: entry
        for dn, entry in directory.entries.items()
        if dn.endswith(DIT.groups)
    }
    assert lists["lanhdao.skhcn"]["memberURL"] == (leaders_of_agency("H36.05", DIT).encode(),)
    assert lists["tatca.skhcn"]["memberURL"] == (
        own_people("H36.05", DIT).encode(),
        parts("H36.05", DIT).encode(),
    )
    assert lists["tatca.skhcn"]["congvuPartOf"] == (b"H36",)
    assert "congvuPartOf" not in lists["tatca.ubnd"]
    assert "congvuPart" not in lists["lanhdao.skhcn"]
    assert lists["tatca.skhcn"]["congvuAlias"] == (b"tatca.h36.05@lamdong.gov.vn",)
    assert lists["tatca.skhcn"]["congvuSenders"] == (b"officials",)
    assert lists["tatca.ubnd"]["congvuSenders"] == (b"leaders",)
    compared = reconcile(province, directory, dit=DIT, quotas=QUOTAS, now=NOW)
    assert compared == Compared(entries=len(directory.entries), pending=0, differences=[])


def test_who_may_write_is_decided_and_recorded(province: Database) -> None:
    with province.transaction() as session:
        permit(session, f" TatCa.skhcn@{DOMAIN}", Senders.ANYONE, who=Who("binh"), now=NOW)
        permit(session, f"tatca.skhcn@{DOMAIN}", Senders.ANYONE, who=Who("binh"), now=NOW)
        with pytest.raises(NotFound):
            permit(session, f"tatca.khongco@{DOMAIN}", Senders.ANYONE, who=Who("binh"), now=NOW)

    assert [(event.actor, event.before, event.after) for event in trail(province, "list.senders")] == [
        ("binh", {"senders": "officials"}, {"senders": "anyone"})
    ]
