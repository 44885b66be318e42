"""Syncing: the directory is made to agree with the books, whatever the directory says to it."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from ldap_schema.schema import CERTIFICATE
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates.models import Certificate
from provisioner.db import Database
from provisioner.directory.entries import agency_marker
from provisioner.directory.port import Answer, Outcome, Wish
from provisioner.directory.stuck import release, stuck
from provisioner.directory.syncing import PAUSE
from provisioner.lists.keeping import keep
from provisioner.lists.members import permit
from provisioner.lists.models import MailingList, Senders
from provisioner.mailboxes.lifecycle import lock
from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.pending import LEASE, Mirrored
from provisioner.people.models import Post
from provisioner.people.registering import Leaving, leave
from tests.books import LATER, NOW
from tests.entries import a_certificate
from tests.fakes.directory import FakeDirectory
from tests.province import (
    AGENCIES,
    DIT,
    FINANCE,
    GB,
    SCIENCE,
    a_province,
    a_unit,
    an_official,
    import_list,
    issued,
    provide,
    synced,
    the_mailbox,
    trail,
)

ANH = "anhnt@lamdong.gov.vn"


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory(DIT)


@pytest.fixture
def province(database: Database) -> Database:
    """One person and one unit, in the books only."""
    provide(
        a_province(database),
        an_official("CB1", "Nguyễn Thị Ánh", chuc_vu="Chuyên viên", dien_thoai="0912345678"),
        a_unit("H36.05"),
    )
    return database


def entry_of(database: Database, directory: FakeDirectory, address: str = ANH) -> dict[str, list[str]]:
    """The entry of a mailbox as text, without its certificates."""
    mailbox = the_mailbox(database, address)
    dn = DIT.person(mailbox.account_id) if mailbox.person_id else DIT.unit(mailbox.account_id)
    return {
        name: sorted(value.decode() for value in values)
        for name, values in directory.entries[dn].items()
        if name != CERTIFICATE
    }


def behind(database: Database) -> list[Mirrored]:
    with database.reading() as session:
        models: tuple[type[Agency | Mailbox], ...] = (Agency, Mailbox)
        return [
            row
            for model in models
            for row in session.scalars(select(model).where(model.synced_revision < model.revision))
        ]


def test_everything_pending_ends_up_in_the_directory(province: Database, directory: FakeDirectory) -> None:
    run = synced(province, directory)

    assert run.outcomes == {Outcome.DONE: len(AGENCIES) + 2}
    assert run.waiting_for == ""
    assert behind(province) == []
    assert len(directory.entries) == len(AGENCIES) + 2


def test_a_person_is_shown_with_name_post_agency_quota_and_address(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)

    account = the_mailbox(province, ANH).account_id
    assert entry_of(province, directory) == {
        "objectClass": ["congvuMailbox", "inetOrgPerson"],
        "congvuId": [account],
        "uid": [account],
        "cn": ["Nguyễn Thị Ánh"],
        "displayName": ["Nguyễn Thị Ánh"],
        "sn": ["Nguyễn"],
        "givenName": ["Thị Ánh"],
        "mail": [ANH],
        "o": ["Sở Khoa học và Công nghệ"],
        "title": ["Chuyên viên"],
        "employeeNumber": ["CB1"],
        "telephoneNumber": ["0912345678"],
        "congvuQuota": [str(4 * GB)],
        "congvuStatus": ["active"],
        "congvuKind": ["personal"],
        "congvuAgencyCode": ["H36.05"],
        "congvuAgencyPath": ["H36/H36.05/"],
        "congvuWithin": ["H36", "H36.05"],
        "congvuBloc": ["nha_nuoc"],
        "congvuLevel": ["tinh"],
    }


def test_a_unit_is_shown_under_its_agencys_name_with_its_quota(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)

    entry = entry_of(province, directory, "skhcn@lamdong.gov.vn")
    assert entry["cn"] == ["Sở Khoa học và Công nghệ"]
    assert entry["congvuQuota"] == [str(10 * GB)]
    assert entry["congvuKind"] == ["unit"]
    assert "sn" not in entry


def test_a_second_run_asks_the_directory_for_nothing(province: Database, directory: FakeDirectory) -> None:
    synced(province, directory)
    writes = directory.writes.copy()

    assert synced(province, directory, now=LATER).outcomes == {}
    assert directory.writes == writes


def test_small_chunks_come_to_the_same(province: Database, directory: FakeDirectory) -> None:
    synced(province, directory, chunk=1)

    assert len(directory.entries) == len(AGENCIES) + 2
    assert behind(province) == []


def test_the_signer_is_rung_for_when_mailboxes_stand(
    province: Database, directory: FakeDirectory, rings: list[str]
) -> None:
    rings.clear()

    synced(province, directory)

    assert rings == ["signing"]


def test_a_change_is_one_write_to_one_entry(province: Database, directory: FakeDirectory) -> None:
    synced(province, directory)
    provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng", dung_luong="8GB"), now=LATER)

    assert synced(province, directory, now=LATER).outcomes == {Outcome.DONE: 1}

    assert directory.writes["modify"] == 1
    entry = entry_of(province, directory)
    assert entry["cn"] == ["Nguyễn Thị Ánh Hồng"]
    assert entry["congvuQuota"] == [str(8 * GB)]


def test_a_new_address_stands_as_mail_and_the_old_one_as_alias(
    province: Database, directory: FakeDirectory
) -> None:
    provide(province, an_official("CB1", dia_chi_thu="nguyen.anh@lamdong.gov.vn"), now=LATER)

    synced(province, directory, now=LATER)

    entry = entry_of(province, directory, "nguyen.anh@lamdong.gov.vn")
    assert (entry["mail"], entry["congvuAlias"]) == (["nguyen.anh@lamdong.gov.vn"], [ANH])


def test_a_renamed_agency_shows_its_new_name_in_every_mailbox(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)

    import_list(province, SCIENCE | {"ten": "Sở Khoa học, Công nghệ và Chuyển đổi số"}, now=LATER)
    run = synced(province, directory, now=LATER)

    assert run.outcomes == {Outcome.DONE: 3}
    for address in (ANH, "skhcn@lamdong.gov.vn"):
        assert entry_of(province, directory, address)["o"] == ["Sở Khoa học, Công nghệ và Chuyển đổi số"]


def test_an_agency_that_moves_takes_the_mailboxes_below_it_along(
    province: Database, directory: FakeDirectory
) -> None:
    provide(province, an_official("CB2", "Lê Văn Bình", ma_co_quan="H36.05.01"))
    synced(province, directory)

    import_list(province, SCIENCE | {"ma_cha": "H36.06"}, now=LATER)
    synced(province, directory, now=LATER)

    path = entry_of(province, directory, "binhlv@lamdong.gov.vn")["congvuAgencyPath"]
    assert path == ["H36/H36.06/H36.05/H36.05.01/"]


def test_a_change_that_the_directory_does_not_show_is_no_work(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)

    import_list(province, FINANCE | {"nguoi_lien_he": "Bà Xuân"}, now=LATER)

    assert behind(province) == []


def test_certificates_are_published_and_withdrawn_when_revoked(
    province: Database, directory: FakeDirectory
) -> None:
    provide(province, an_official("CB1", chung_thu="x"), now=LATER)
    synced(province, directory)
    dn = DIT.person(the_mailbox(province, ANH).account_id)
    somebody_elses = a_certificate("of another authority")
    directory.entries[dn][CERTIFICATE] = (somebody_elses,)

    assert issued(province) == 1
    synced(province, directory)
    with province.transaction() as session:
        ours = session.scalars(select(Certificate.der)).one()
    assert set(directory.entries[dn][CERTIFICATE]) == {ours, somebody_elses}

    with province.transaction() as session:
        session.execute(update(Certificate).values(revoked_at=LATER))
        touch(session, [the_mailbox(province, ANH).id])
    synced(province, directory, now=LATER)
    assert directory.entries[dn][CERTIFICATE] == (somebody_elses,)


def test_an_entry_that_stands_already_under_our_marker_is_adopted(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)
    with province.transaction() as session:
        # As if we had been killed between writing and marking.
        session.execute(update(Mailbox).values(synced_revision=0, first_synced_at=None))

    assert synced(province, directory).outcomes == {Outcome.ADOPTED: 2}
    assert behind(province) == []


class Interrupted(FakeDirectory):
    """A directory during whose work something happens in the books."""

    def __init__(self, meanwhile: object) -> None:
        super().__init__(DIT)
        self.meanwhile = meanwhile

    def put(self, wishes: Sequence[Wish]) -> list[Answer]:
        answers = super().put(wishes)
        if callable(self.meanwhile) and any("ou=people" in wish.entry.dn for wish in wishes):
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return answers


def test_what_changes_while_it_is_written_stays_pending_and_comes_next(province: Database) -> None:
    directory = Interrupted(lambda: provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng"), now=LATER))

    synced(province, directory, chunk=1, now=NOW)

    assert entry_of(province, directory)["cn"] == ["Nguyễn Thị Ánh Hồng"]
    assert behind(province) == []
    mailbox = the_mailbox(province, ANH)
    assert (mailbox.revision, mailbox.synced_revision) == (2, 2)


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param({"cn": (b"X",), "sn": (b"X",)}, id="needs a person"),
        pytest.param({"congvuId": (b"0" * 32,), "mail": (ANH.encode(),)}, id="refused"),
    ],
)
def test_what_was_refused_of_a_row_before_it_changed_does_not_hold_the_change_up(
    province: Database, theirs: dict[str, tuple[bytes, ...]]
) -> None:
    dn = DIT.person("0" * 32 if "mail" in theirs else the_mailbox(province, ANH).account_id)

    def somebody_clears_the_way() -> None:
        del directory.entries[dn]
        provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng"), now=LATER)

    directory = Interrupted(somebody_clears_the_way)
    directory.plant(dn, {"objectClass": (b"inetOrgPerson",), **theirs})

    synced(province, directory, chunk=1, now=NOW)

    assert entry_of(province, directory)["cn"] == ["Nguyễn Thị Ánh Hồng"]
    assert stuck_things(province) == []
    mailbox = the_mailbox(province, ANH)
    assert (mailbox.synced_revision, mailbox.attempts, mailbox.lease_until) == (2, 0, None)


def test_a_worker_that_lost_its_lease_marks_nothing(province: Database) -> None:
    def another_worker() -> None:
        synced(province, FakeDirectory(DIT), now=LATER)
        with province.transaction() as session:
            session.execute(
                update(Mailbox).values(synced_revision=0, fence=Mailbox.fence + 1, lease_until=LATER)
            )

    directory = Interrupted(another_worker)

    synced(province, directory, now=NOW)

    mailbox = the_mailbox(province, ANH)
    assert mailbox.synced_revision == 0
    assert mailbox.synced_at == LATER


def test_rows_claimed_by_one_worker_are_left_alone_by_another(
    province: Database, directory: FakeDirectory
) -> None:
    with province.transaction() as session:
        session.execute(update(Mailbox).values(lease_until=NOW + timedelta(seconds=1)))

    assert synced(province, directory, now=NOW).outcomes == {Outcome.DONE: len(AGENCIES)}
    assert synced(province, directory, now=NOW + LEASE).outcomes == {Outcome.DONE: 2}


def test_no_row_pays_for_a_directory_that_is_down(province: Database, directory: FakeDirectory) -> None:
    directory.trouble = "slapd is down"

    run = synced(province, directory)

    assert run.waiting_for == "slapd is down"
    assert run.outcomes == {Outcome.WAIT: len(AGENCIES)}
    for row in behind(province):
        assert row.attempts == 0
        assert row.trouble is None
    assert stuck_things(province) == []

    directory.trouble = ""
    assert synced(province, directory, now=NOW + PAUSE).outcomes == {Outcome.DONE: len(AGENCIES) + 2}


class WithoutBarrier(FakeDirectory):
    """As a real directory is outside the first-load mode: settling does nothing."""

    def settle(self) -> None:
        pass


def test_what_could_not_be_settled_is_found_again_and_adopted(
    province: Database, directory: FakeDirectory
) -> None:
    directory.lost_after = 2
    assert synced(province, directory).outcomes == {Outcome.WAIT: len(AGENCIES)}
    directory.trouble = ""

    run = synced(province, directory, now=NOW + PAUSE)

    assert run.outcomes == {Outcome.ADOPTED: 2, Outcome.DONE: len(AGENCIES)}
    assert directory.writes["add"] == len(AGENCIES) + 2


def test_after_a_pause_only_the_unanswered_are_asked_again(province: Database) -> None:
    directory = WithoutBarrier(DIT)
    directory.lost_after = 2
    synced(province, directory)
    directory.trouble = ""

    run = synced(province, directory, now=NOW + PAUSE)

    assert run.outcomes == {Outcome.DONE: len(AGENCIES)}
    assert directory.writes["add"] == len(AGENCIES) + 2


def stuck_things(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.what, row.trouble) for row in stuck(session)]


def test_somebody_elses_entry_waits_for_a_person_and_is_not_touched(
    province: Database, directory: FakeDirectory
) -> None:
    dn = DIT.person(the_mailbox(province, ANH).account_id)
    theirs = {"objectClass": (b"inetOrgPerson",), "cn": (b"X",), "sn": (b"X",)}
    directory.plant(dn, theirs)

    run = synced(province, directory)

    assert run.outcomes[Outcome.NEEDS_PERSON] == 1
    assert run.waiting_for == ""
    assert directory.entries[dn] == theirs
    assert stuck_things(province) == [(ANH, "needs-person")]
    mailbox = the_mailbox(province, ANH)
    assert mailbox.attempts == 1
    assert mailbox.lease_until is None
    assert synced(province, directory, now=LATER).outcomes == {}


def test_an_entry_that_the_directory_refuses_says_why_and_the_others_go_on(
    province: Database, directory: FakeDirectory
) -> None:
    directory.plant(
        DIT.person("0" * 32),
        {
            "objectClass": (b"inetOrgPerson", b"congvuMailbox"),
            "congvuId": (b"0" * 32,),
            "mail": (ANH.encode(),),
        },
    )

    run = synced(province, directory)

    assert run.outcomes == {Outcome.DONE: len(AGENCIES) + 1, Outcome.REFUSED: 1}
    assert stuck_things(province) == [(ANH, "refused")]
    assert "not unique" in (the_mailbox(province, ANH).trouble_detail or "")


def test_a_stuck_row_is_tried_again_when_a_person_says_so(
    province: Database, directory: FakeDirectory, rings: list[str]
) -> None:
    dn = DIT.person(the_mailbox(province, ANH).account_id)
    directory.plant(dn, {"objectClass": (b"inetOrgPerson",), "cn": (b"X",), "sn": (b"X",)})
    synced(province, directory)
    del directory.entries[dn]
    rings.clear()

    with province.transaction() as session:
        assert release(session, by="binh", now=LATER) == 1

    assert rings == ["directory"]
    (event,) = trail(province, "directory.retried")
    assert (event.actor, event.subject_id, event.before) == ("binh", ANH, {"trouble": "needs-person"})
    assert synced(province, directory, now=LATER).outcomes == {Outcome.DONE: 1}
    assert stuck_things(province) == []
    assert the_mailbox(province, ANH).attempts == 0


def test_a_change_is_another_chance_for_a_stuck_row(province: Database, directory: FakeDirectory) -> None:
    dn = DIT.person(the_mailbox(province, ANH).account_id)
    directory.plant(dn, {"objectClass": (b"inetOrgPerson",), "cn": (b"X",), "sn": (b"X",)})
    synced(province, directory)
    del directory.entries[dn]

    provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng"), now=LATER)

    assert synced(province, directory, now=LATER).outcomes == {Outcome.DONE: 1}


def test_a_change_is_another_chance_for_agencies_lists_and_the_mailboxes_of_an_agency(
    province: Database, directory: FakeDirectory
) -> None:
    with province.transaction() as session:
        assert keep(session, domain="lamdong.gov.vn")
        for model in (Agency, MailingList, Mailbox):
            stopped = {"trouble": "refused", "trouble_detail": "o: value #0 invalid", "due_at": LATER + PAUSE}
            session.execute(update(model).values(stopped))
    assert synced(province, directory, now=LATER).outcomes == {}

    import_list(province, SCIENCE | {"ten": "Sở Khoa học", "ma_cha": "H36.06"}, now=LATER)
    with province.transaction() as session:
        keep(session, domain="lamdong.gov.vn")
        permit(session, "tatca.ubnd@lamdong.gov.vn", Senders.ANYONE, who=Who("binh"), now=LATER)
    run = synced(province, directory, now=LATER)

    below = [agency["ma_co_quan"] for agency in AGENCIES if agency["ma_co_quan"].startswith("H36.05")]
    mailboxes, lists = 2, 3 * len(below) + 1
    assert run.outcomes == {Outcome.DONE: len(below) + lists + mailboxes}
    assert {what for what, _ in stuck_things(province)}.isdisjoint([*below, ANH, "tatca.ubnd@lamdong.gov.vn"])


def test_rows_are_marked_only_after_the_directory_has_settled(
    province: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsettled(FakeDirectory):
        def settle(self) -> None:
            assert len(behind(province)) == len(AGENCIES) + 2
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        synced(province, Unsettled(DIT))

    assert len(behind(province)) == len(AGENCIES) + 2


def test_a_change_that_comes_with_the_first_entry_keeps_the_moment_it_first_stood(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory, now=NOW)
    provide(province, an_official("CB1", "Nguyễn Thị Ánh Hồng"), now=LATER)
    synced(province, directory, now=LATER)

    mailbox = the_mailbox(province, ANH)
    assert (mailbox.first_synced_at, mailbox.synced_at) == (NOW, LATER)


def test_the_marker_of_an_agency_is_not_one_of_a_mailbox(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)

    with province.reading() as session:
        uid = session.scalars(select(Agency.uid).where(Agency.code == "H36")).one()
    assert directory.entries[DIT.agency(uid)]["congvuId"] == (agency_marker(uid).encode(),)


def test_the_mailbox_of_somebody_who_left_stays_at_the_last_agency(
    province: Database, directory: FakeDirectory
) -> None:
    synced(province, directory)
    mailbox = the_mailbox(province, ANH)
    with province.transaction() as session:
        leave(session, {mailbox.person_id or 0: Leaving(LATER.date())})
        lock(session, [mailbox.id], reason="nghỉ hưu", who=Who("binh"), now=LATER)

    synced(province, directory)

    entry = entry_of(province, directory)
    assert (entry["congvuStatus"], entry["congvuAgencyCode"]) == (["locked"], ["H36.05"])
    assert "title" not in entry
    assert behind(province) == []


def test_a_renamed_agency_shows_its_new_name_in_the_mailboxes_of_people_whose_last_post_it_was(
    province: Database, directory: FakeDirectory
) -> None:
    provide(province, an_official("CB2", "Lê Văn Bình"))
    provide(province, an_official("CB2", "Lê Văn Bình", ma_co_quan="H36.06"), now=LATER)
    synced(province, directory, now=LATER)
    left = [
        the_mailbox(province, ANH).person_id or 0,
        the_mailbox(province, "binhlv@lamdong.gov.vn").person_id or 0,
    ]
    with province.transaction() as session:
        leave(session, {person_id: Leaving(LATER.date()) for person_id in left})
        touch(session, [the_mailbox(province, ANH).id])
    synced(province, directory, now=LATER)

    import_list(province, SCIENCE | {"ten": "Sở Khoa học"}, now=LATER)
    run = synced(province, directory, now=LATER)

    assert run.outcomes == {Outcome.DONE: 3}, (
        "the agency, its unit and who left from it; not who went on elsewhere"
    )
    assert entry_of(province, directory)["o"] == ["Sở Khoa học"]


def test_a_row_that_cannot_be_shown_is_stuck_alone(province: Database, directory: FakeDirectory) -> None:
    mailbox = the_mailbox(province, ANH)
    with province.transaction() as session:
        session.execute(delete(Post).where(Post.person_id == mailbox.person_id))

    run = synced(province, directory)

    assert run.outcomes == {Outcome.DONE: len(AGENCIES) + 1, Outcome.REFUSED: 1}
    with province.reading() as session:
        assert [(row.what, row.detail) for row in stuck(session)] == [
            (ANH, "its owner never held a post in any agency")
        ]
