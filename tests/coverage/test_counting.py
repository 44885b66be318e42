"""Who counts as what, at which moment."""

from datetime import UTC, date, datetime, timedelta

import pytest

from provisioner.coverage import metrics
from provisioner.coverage.counting import cover
from provisioner.coverage.figures import Measure
from provisioner.coverage.tallies import Scope
from provisioner.errors import NotFound
from tests.coverage.books import BEFORE, Books

AT = datetime(2026, 3, 1, 5, tzinfo=UTC)
WINDOW = timedelta(days=90)
LATER = AT + timedelta(seconds=1)


@pytest.fixture
def books():
    return Books(at=AT)


@pytest.fixture
def covered(database, books):
    """Coverage of what is in `books`, written once, at any moment."""
    written = []

    def ask(scope=None, *, at=AT):
        if not written:
            with database.transaction() as session:
                books.write(session)
            written.append(True)
        with database.reading() as session:
            return cover(session, scope or Scope(), at=at, used_within=WINDOW)

    return ask


def test_empty_books_have_no_coverage_and_no_rates(covered):
    sums = covered().sums

    assert metrics.staff_served(sums) == Measure(0, 0)
    assert metrics.mailboxes(sums).all == 0


def test_a_mailbox_is_issued_from_the_moment_its_entry_stands_in_the_directory(books, covered):
    agency = books.agency("H21.1", mailboxes=0)
    books.mailbox(agency_id=agency, unit_key="a", first_synced_at=None)
    books.mailbox(agency_id=agency, unit_key="b", first_synced_at=LATER)

    assert metrics.mailboxes(covered().sums).all == 0
    assert metrics.mailboxes(covered(at=LATER).sums).all == 1


def test_a_closed_mailbox_is_revoked_and_no_longer_issued(books, covered):
    agency = books.agency("H21.1", mailboxes=0)
    person = books.people(agency, 1, mailboxes=0)[0]
    books.mailbox(person_id=person, closed_at=LATER)
    books.mailbox(agency_id=agency, unit_key="", closed_at=LATER)

    before, after = metrics.mailboxes(covered().sums), metrics.mailboxes(covered(at=LATER).sums)

    assert (before.personal, before.units, before.revoked) == (1, 1, 0)
    assert (after.personal, after.units, after.revoked) == (0, 0, 2)


def test_issued_handed_over_and_in_use_are_three_things(books, covered):
    agency = books.agency("H21.1")
    books.people(agency, 10, mailboxes=8, handed_over=5, used=2)

    issued = metrics.mailboxes(covered().sums)

    assert (issued.personal, issued.handed_over, issued.used) == (8, 5, 2)


@pytest.mark.parametrize(("last_used", "used"), [(AT - WINDOW, 0), (AT - WINDOW + timedelta(seconds=1), 1)])
def test_a_mailbox_is_in_use_when_its_owner_used_it_within_the_window(books, covered, last_used, used):
    agency = books.agency("H21.1")
    person = books.people(agency, 1, mailboxes=0)[0]
    books.mailbox(person_id=person, first_used_at=BEFORE, last_used_at=last_used)

    assert metrics.usage(covered().sums).of_issued == Measure(used, 1)


def test_a_locked_mailbox_is_issued_but_serves_nobody(books, covered):
    agency = books.agency("H21.1", mailboxes=0)
    person = books.people(agency, 1, mailboxes=0)[0]
    books.mailbox(person_id=person, status="locked")
    books.mailbox(agency_id=agency, unit_key="", status="locked")

    sums = covered().sums

    assert metrics.holders(sums) == Measure(2, 2)
    assert metrics.mailboxes(sums).locked == 2
    assert metrics.staff_served(sums) == Measure(0, 1)
    assert metrics.agencies_served(sums) == Measure(0, 1)


def test_an_agency_counts_once_however_many_mailboxes_and_certificates_it_has(books, covered):
    books.agency("H21.1", mailboxes=3, certificates=2)
    books.agency("H21.2", mailboxes=0)

    sums = covered().sums

    assert metrics.mailboxes(sums).units == 3
    assert metrics.agencies_served(sums) == Measure(1, 2)
    assert metrics.holders(sums) == Measure(1, 2)
    assert metrics.agencies_signing(sums) == Measure(1, 2)


def test_a_room_without_entitlement_or_seal_is_in_no_denominator(books, covered):
    books.agency("H21.1", seal=False, entitled=False, mailboxes=1, certificates=1)

    sums = covered().sums

    assert metrics.agencies_served(sums) == Measure(0, 0)
    assert metrics.agencies_signing(sums) == Measure(0, 0)
    assert metrics.mailboxes(sums).units == 1


def test_people_who_were_declared_but_never_listed_are_missing(books, covered):
    agency = books.agency("H21.1", declared={"cong_chuc": 10, "vien_chuc": 4})
    books.people(agency, 6, category="cong_chuc")

    assert metrics.staff_served(covered().sums) == Measure(6, 14)


def test_more_people_than_declared_count_themselves(books, covered):
    agency = books.agency("H21.1", declared={"cong_chuc": 2})
    books.people(agency, 5, category="cong_chuc", mailboxes=4)

    assert metrics.staff_served(covered().sums) == Measure(4, 5)


def test_people_without_a_category_fill_what_was_declared_before_they_add_to_it(books, covered):
    agency = books.agency("H21.1", declared={"cong_chuc": 10})
    books.people(agency, 7, category="cong_chuc")
    books.people(agency, 5, category="")

    assert metrics.staff_served(covered().sums) == Measure(12, 12)


def test_the_newest_declaration_up_to_the_day_holds(books, covered):
    agency = books.agency("H21.1", declared={"cong_chuc": 10})
    books.declare(agency, {"cong_chuc": 20}, since=date(2026, 3, 1))
    books.declare(agency, {"cong_chuc": 30}, since=date(2026, 3, 2))

    assert metrics.staff_served(covered(at=AT - timedelta(days=1)).sums).of == 10
    assert metrics.staff_served(covered().sums).of == 20


def test_the_day_is_the_one_in_vietnam(books, covered):
    books.agency("H21.1", since=date(2026, 3, 2))

    assert covered(at=datetime(2026, 3, 1, 16, 59, tzinfo=UTC)).agencies == []
    assert len(covered(at=datetime(2026, 3, 1, 17, tzinfo=UTC)).agencies) == 1


def test_an_agency_exists_to_the_end_of_its_last_day(books, covered):
    books.agency("H21.1", until=date(2026, 3, 1))

    assert len(covered().agencies) == 1
    assert covered(at=AT + timedelta(days=1)).agencies == []


def test_somebody_who_moved_counts_where_they_were_on_the_day(books, covered):
    old, new = books.agency("H21.1"), books.agency("H21.2")
    books.person(900)
    books.post(900, old, until=date(2026, 3, 1))
    books.post(900, new, since=date(2026, 3, 1))
    books.certificate(books.mailbox(person_id=900))

    for day, agency in ((-1, "H21.1"), (0, "H21.2")):
        coverage = covered(at=AT + timedelta(days=day))
        people = {row.place.code: row.sums.people for row in coverage.agencies}
        assert [code for code, tally in people.items() if tally.registered] == [agency]
        assert people[agency].issued == people[agency].signing == 1


def test_the_mailbox_of_somebody_who_left_counts_at_the_last_agency_and_in_no_rate(books, covered):
    earlier, last = books.agency("H21.1"), books.agency("H21.2")
    books.person(900)
    books.post(900, earlier, until=date(2025, 2, 1))
    books.post(900, last, since=date(2025, 2, 1), until=date(2026, 2, 1))
    books.mailbox(person_id=900, status="locked", handed_over_at=AT - timedelta(days=400))

    coverage = covered()

    figures = metrics.mailboxes(coverage.sums)
    assert (figures.personal, figures.locked, figures.handed_over) == (1, 1, 1)
    assert {row.place.code: row.sums.left.issued for row in coverage.agencies} == {"H21.1": 0, "H21.2": 1}
    assert metrics.staff_served(coverage.sums) == Measure(0, 0)
    assert metrics.usage(coverage.sums).of_issued == Measure(0, 0)
    assert metrics.holders(coverage.sums) == Measure(2, 2), "the two agencies"
    assert not coverage.categories


def test_certificates_of_somebody_who_left_count_at_the_last_agency_and_in_no_rate(books, covered):
    earlier, last = books.agency("H21.1", mailboxes=0), books.agency("H21.2", mailboxes=0)
    books.person(900)
    books.post(900, earlier, is_leader=True, until=date(2025, 2, 1))
    books.post(900, last, is_leader=True, since=date(2025, 2, 1), until=AT.date())
    closed, mailbox = books.mailbox(person_id=900, closed_at=BEFORE), books.mailbox(person_id=900)
    books.certificate(closed, revoked_at=BEFORE)
    books.certificate(mailbox, not_after=AT, replaced_at=AT)
    books.certificate(mailbox)

    day_before, coverage = covered(at=AT - timedelta(days=1)), covered()

    for each in (day_before, coverage):
        figures = metrics.certificates(each.sums)
        assert (figures.personal, figures.revoked) == (3, 1)
    assert metrics.certificates(coverage.sums).valid == 1
    assert {row.place.code: row.sums.left.certificates for row in coverage.agencies} == {
        "H21.1": 0,
        "H21.2": 3,
    }
    assert metrics.leaders_signing(day_before.sums) == Measure(1, 1)
    assert metrics.leaders_signing(coverage.sums) == Measure(0, 0)


def test_what_an_agency_that_ended_left_open_counts_and_in_no_rate(books, covered):
    root = books.agency("H21")
    ended = books.agency("H21.1", parent=root, certificates=1, declared={"can_bo": 5}, until=date(2026, 3, 1))
    books.agency("H21.1.1", parent=ended, level="xa")
    books.people(ended, 3, leaders=1, mailboxes=2, used=1, certificates=1)
    books.person(900)
    books.post(900, ended, category="can_bo", until=date(2026, 2, 1))
    books.mailbox(person_id=900, status="locked")
    books.mailbox(agency_id=ended, unit_key="closed", closed_at=BEFORE)

    alive, gone = covered(), covered(at=AT + timedelta(days=1))

    assert metrics.mailboxes(gone.sums) == metrics.mailboxes(alive.sums)
    assert metrics.certificates(gone.sums) == metrics.certificates(alive.sums)
    assert (metrics.mailboxes(gone.sums).units, metrics.mailboxes(gone.sums).personal) == (3, 3)
    assert [row.place.code for row in gone.agencies] == ["H21", "H21.1.1"]
    assert [row.place.code for row in gone.ended] == ["H21.1"]
    assert not gone.categories
    assert metrics.agencies_served(gone.sums) == metrics.holders(gone.sums) == Measure(2, 2)
    assert metrics.agencies_signing(gone.sums) == Measure(0, 2)
    assert metrics.roll_out(gone).begun == Measure(0, 0)
    for rate in (metrics.staff_served, metrics.leaders_signing):
        assert rate(gone.sums) == Measure(0, 0)
    assert metrics.usage(gone.sums).of_issued == Measure(0, 0)


def test_an_agency_that_ended_is_asked_for_like_any_other(books, covered):
    ended = books.agency("H21.1", bloc="dang", until=date(2025, 3, 1))
    books.people(ended, 2, category="can_bo")
    books.agency("H21.2", mailboxes=0, until=date(2025, 3, 1))

    assert [row.place.code for row in covered().ended] == ["H21.1"], "the other left nothing behind"
    for scope, units, personal in (
        (Scope(agency="H21.1"), 1, 2),
        (Scope(blocs=frozenset({"dang"}), categories=frozenset({"vien_chuc"})), 1, 0),
        (Scope(levels=frozenset({"xa"})), 0, 0),
    ):
        issued = metrics.mailboxes(covered(scope).sums)
        assert (issued.units, issued.personal) == (units, personal)


def test_who_left_is_chosen_by_the_category_of_the_last_post(books, covered):
    agency = books.agency("H21.1")
    for person, category in ((900, "can_bo"), (901, "vien_chuc")):
        books.person(person)
        books.post(person, agency, category=category, until=date(2026, 2, 1))
        books.mailbox(person_id=person)

    assert covered(Scope(categories=frozenset({"vien_chuc"}))).sums.left.issued == 1


def test_whoever_moved_and_whoever_is_yet_to_come_is_counted_once(books, covered):
    here, there = books.agency("H21.1"), books.agency("H21.2")
    for person in (900, 901):
        books.person(person)
        books.mailbox(person_id=person)
    books.post(900, here, until=date(2026, 2, 1))
    books.post(900, there, since=date(2026, 2, 1))
    books.post(901, here, since=AT.date() + timedelta(days=30))

    sums = covered().sums

    assert (sums.people.issued, sums.left.issued, metrics.mailboxes(sums).personal) == (1, 1, 2)


def test_categories_choose_people_and_leave_agencies_alone(books, covered):
    agency = books.agency("H21.1")
    books.people(agency, 3, category="can_bo")
    books.people(agency, 5, category="vien_chuc", mailboxes=2)

    sums = covered(Scope(categories=frozenset({"vien_chuc"}))).sums

    assert metrics.staff_served(sums) == Measure(2, 5)
    assert metrics.agencies_served(sums) == Measure(1, 1)


def test_blocs_levels_and_a_subtree_narrow_together(books, covered):
    root = books.agency("H21", bloc="nha_nuoc")
    for code, bloc, level in (
        ("H21.1", "nha_nuoc", "xa"),
        ("H21.2", "dang", "xa"),
        ("H21.3", "nha_nuoc", "tinh"),
    ):
        books.agency(code, bloc=bloc, level=level, parent=root)
    books.agency("H22", level="xa")
    scope = Scope(blocs=frozenset({"nha_nuoc"}), levels=frozenset({"xa"}), agency="H21")

    assert [row.place.code for row in covered(scope).agencies] == ["H21.1"]


def test_a_subtree_counts_the_same_as_within_the_whole(books, covered):
    root = books.agency("H21", certificates=1)
    inside = books.agency("H21.1", parent=root, certificates=1)
    books.people(inside, 9, leaders=2, mailboxes=7, used=3, certificates=4)
    books.people(books.agency("H22"), 9, certificates=9)
    whole = {row.place.code: row.sums for row in covered().agencies}

    narrowed = covered(Scope(agency="H21"))

    assert {row.place.code: row.sums for row in narrowed.agencies} == {c: whole[c] for c in ("H21", "H21.1")}


def test_a_subtree_is_found_by_the_old_form_of_its_code(books, covered):
    books.agency("H36.12")

    assert len(covered(Scope(agency="000.00.12.H36")).agencies) == 1


def test_an_unknown_agency_is_said_to_be_unknown(covered):
    with pytest.raises(NotFound):
        covered(Scope(agency="H99.99"))


def test_a_certificate_is_valid_between_its_dates_unless_revoked(books, covered):
    agency = books.agency("H21.1", mailboxes=0)
    box = books.mailbox(agency_id=agency, unit_key="")
    books.certificate(box)
    books.certificate(box, not_after=AT, replaced_at=AT)
    books.certificate(box, not_before=LATER, replaced_at=AT)
    books.certificate(box, revoked_at=AT)
    books.certificate(box, revoked_at=LATER)
    books.certificate(box, issued_at=None, state="refused")

    certificates = metrics.certificates(covered().sums)

    assert (certificates.organisation, certificates.valid, certificates.revoked) == (5, 2, 1)


def test_a_leader_with_two_valid_certificates_signs_once(books, covered):
    agency = books.agency("H21.1")
    people = books.people(agency, 3, leaders=2, mailboxes=0)
    for person in people[1:]:
        box = books.mailbox(person_id=person)
        books.certificate(box, replaced_at=AT)
        books.certificate(box)

    sums = covered().sums

    assert metrics.leaders_signing(sums) == Measure(1, 2)
    assert metrics.certificates(sums).personal == 4
    assert sums.people.signing == 2


def test_a_person_counts_once_as_a_holder_and_every_certificate_as_a_certificate(books, covered):
    agency = books.agency("H21.1")
    (leader,) = books.people(agency, 1, leaders=1, mailboxes=0)
    returned = books.mailbox(person_id=leader, closed_at=BEFORE)
    now = books.mailbox(person_id=leader)
    books.certificate(returned)
    for purpose in ("mail", "document"):
        books.certificate(now, purpose=purpose)

    sums = covered().sums

    assert metrics.leaders_signing(sums) == Measure(1, 1)
    assert (metrics.certificates(sums).personal, sums.people.signing) == (3, 1)


def test_a_roll_out_looks_one_level_down_and_at_every_entitled_child(books, covered):
    root = books.agency("H21")
    for code, served in (("H21.1", (1, 1)), ("H21.2", (1, 0)), ("H21.3", (0, 0))):
        district = books.agency(code, level="huyen", parent=root)
        for index, mailboxes in enumerate(served):
            books.agency(f"{code}.{index}", level="xa", parent=district, mailboxes=mailboxes)
        books.agency(f"{code}.P", level="xa", parent=district, entitled=False, mailboxes=0)

    districts = metrics.roll_out(covered(Scope(levels=frozenset({"huyen"}))))

    assert districts.complete == Measure(1, 3)
    assert districts.begun == Measure(2, 3)
    assert metrics.roll_out(covered(Scope(levels=frozenset({"tinh"})))).complete == Measure(1, 1)


def test_rows_come_in_the_order_of_the_tree(books, covered):
    roots = [books.agency(f"H{index}") for index in range(21, 32)]
    books.agency("H21.1", parent=roots[0])

    assert [row.place.code for row in covered().agencies][:3] == ["H21", "H21.1", "H22"]
