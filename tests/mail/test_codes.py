"""One-time codes: what they look like, who gets one, when one is good."""

import re
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from provisioner.audit import Who
from provisioner.days import beginning_of
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound
from provisioner.mail.codes import Holder, NewCode, digest, good_until, holder_of, holders_in, new_code
from provisioner.mail.handing_out import Progress, deliver, progress
from provisioner.mail.issuing import Issued, issue
from provisioner.mail.models import ActivationCode
from provisioner.mail.slips import Sheet, print_slips, save
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.operators import naming
from provisioner.operators.models import Operator
from provisioner.operators.roles import Role
from provisioner.secret import Secret
from provisioner.tables import metadata
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.operators.people import an_operator
from tests.province import (
    CHIEF,
    DIT,
    a_province,
    a_unit,
    an_official,
    provide,
    synced,
    the_mailbox,
    the_person,
    trail,
)

UNTIL = NOW + timedelta(days=30)
SHEET = Sheet(
    province="tỉnh Lâm Đồng",
    page="https://mail.lamdong.gov.vn/kich-hoat",
    own_page="https://capphat.lamdong.gov.vn/toi",
    host="mail.lamdong.gov.vn",
    length=9,
)


@pytest.fixture
def province(database: Database) -> Database:
    """Three people and a unit in two agencies, in the directory."""
    a_province(database)
    provide(
        database,
        an_official("CB1", "Đỗ Văn An"),
        an_official("CB2", "Nguyễn Thị Ánh"),
        an_official("CB3", "Lê Thị Bình", ma_co_quan="H36.05.01"),
        an_official("CB4", "Trần Văn Cường", ma_co_quan="H36.06"),
        a_unit("H36.05"),
    )
    synced(database, FakeDirectory(DIT))
    return database


def issued(database: Database, agency: str, *, again: bool = False) -> dict[str, Secret]:
    """Issue codes for this sub-tree: address to code."""
    with database.transaction() as session:
        made = [NewCode(holder, new_code()) for holder in holders_in(session, agency, now=NOW, again=again)]
        issue(session, made, who=Who(CHIEF), now=NOW, expires_at=UNTIL)
    return {new.holder.address: new.code for new in made}


def good(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(ActivationCode.digest).where(ActivationCode.voided_at.is_(None))))


def test_a_code_is_seven_groups_of_four_and_no_two_are_alike() -> None:
    codes = {new_code().reveal() for _ in range(1000)}

    assert len(codes) == 1000
    assert all([len(group) for group in code.split("-")] == [4] * 7 for code in codes)
    assert not set("".join(codes)) & set("OILU")


def test_a_code_is_read_as_people_type_it() -> None:
    for code in (new_code().reveal() for _ in range(200)):
        typed = [
            code.lower(),
            code.replace("-", " "),
            code.replace("-", ""),
            code.replace("-", "–"),
            code.replace("-", " — "),
            code.replace("-", "\u2011"),
            code.replace("0", "o").replace("1", "l"),
        ]
        assert {digest(Secret(one)) for one in typed} == {digest(Secret(code))}


def test_a_slip_of_the_finger_is_told_from_a_wrong_code() -> None:
    code = new_code().reveal()
    slips = [code[:-1], code + "7", code[1:] + code[0], "", "   ", "U" * 28, code.replace(code[5], "*")]
    swapped = [
        code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(3) if code[at] != code[at + 1]
    ]

    for wrong in slips + swapped:
        with pytest.raises(Invalid) as refused:
            digest(Secret(wrong))
        assert refused.value.code == "code-mistyped"


def test_a_code_holds_128_random_bits() -> None:
    numbers = [int(digest(new_code()), 16) for _ in range(64)]

    assert len(set(numbers)) == 64
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    bits = [
        sum(alphabet.index(sign) << 5 * (27 - at) for at, sign in enumerate(c.reveal().replace("-", "")))
        >> 12
        for c in (new_code() for _ in range(400))
    ]
    assert max(bits).bit_length() == 128
    for place in range(128):
        assert 120 < sum(bit >> place & 1 for bit in bits) < 280


def test_a_sub_tree_gets_codes_agency_by_agency_in_the_order_of_the_alphabet(province: Database) -> None:
    with province.reading() as session:
        holders = holders_in(session, "H36.05", now=NOW)

    assert [(holder.agency_code, holder.name) for holder in holders] == [
        ("H36.05", "Sở Khoa học và Công nghệ"),
        ("H36.05", "Đỗ Văn An"),
        ("H36.05", "Nguyễn Thị Ánh"),
        ("H36.05.01", "Lê Thị Bình"),
    ]


def test_an_agency_nobody_knows_is_named(province: Database) -> None:
    with province.reading() as session, pytest.raises(NotFound, match=r"H36\.99"):
        holders_in(session, "H36.99", now=NOW)


def test_who_is_not_in_the_directory_or_not_active_gets_no_code(province: Database) -> None:
    address = issued(province, "H36.06").popitem()[0]
    with province.transaction() as session:
        session.get_one(Mailbox, the_mailbox(province, address).id).status = Status.LOCKED
    provide(province, an_official("CB9", "Vũ Văn Yên", ma_co_quan="H36.06"))

    assert issued(province, "H36.06", again=True) == {}


def test_a_second_issue_leaves_out_who_holds_a_good_code_and_again_voids_the_old(province: Database) -> None:
    first = issued(province, "H36")
    none = issued(province, "H36")
    second = issued(province, "H36", again=True)

    assert len(first) == 5
    assert none == {}
    assert first.keys() == second.keys()
    assert sorted(good(province)) == sorted(digest(code) for code in second.values())


def looked_up(database: Database, *, again: bool = False) -> list[NewCode]:
    """Codes for slips that are being set: who prints has looked up the holders and made nothing good yet."""
    with database.reading() as session:
        return [NewCode(one, new_code()) for one in holders_in(session, "H36.05", now=NOW, again=again)]


def make_good(database: Database, slips: list[NewCode], *, by: str = CHIEF) -> Issued:
    with database.transaction() as session:
        return issue(session, slips, who=Who(by), now=NOW, expires_at=UNTIL)


def test_who_sets_a_password_while_slips_are_set_gets_no_new_code(province: Database) -> None:
    earlier = issued(province, "H36.05")
    slips = looked_up(province, again=True)
    assert len(slips) == 4
    done, doing, left = (slip.holder.mailbox_id for slip in slips[:3])
    with province.transaction() as session:
        of = update(ActivationCode)
        session.execute(of.where(ActivationCode.mailbox_id == done).values(used_at=NOW))
        session.execute(of.where(ActivationCode.mailbox_id == doing).values(taken_until=UNTIL))
        session.execute(update(Mailbox).where(Mailbox.id == left).values(status=Status.LOCKED))

    made = make_good(province, slips)

    assert (made.made, made.left_out, made.voided) == (slips[3:], slips[:3], 1)
    kept = [digest(earlier[slip.holder.address]) for slip in slips[:3]]
    assert sorted(good(province)) == sorted([*kept, digest(slips[3].code)])


def test_nothing_is_made_when_everybody_set_a_password_meanwhile(province: Database) -> None:
    issued(province, "H36.05")
    slips = looked_up(province, again=True)
    with province.transaction() as session:
        session.execute(update(ActivationCode).values(used_at=NOW))

    with pytest.raises(Conflict) as refused:
        make_good(province, slips)

    assert refused.value.code == "nobody-needs-a-code"


def test_of_two_who_print_at_once_the_first_ones_slips_stay_good_and_the_second_is_told(
    province: Database,
) -> None:
    first, second = looked_up(province), looked_up(province)
    with ThreadPoolExecutor() as pool, province.transaction() as session:
        issue(session, first, who=Who("an"), now=NOW, expires_at=UNTIL)
        other = pool.submit(make_good, province, second[1::-1], by="binh")
        session.commit()  # the other has begun, or begins now
        with pytest.raises(Conflict, match="an made codes for 2") as refused:
            other.result()

    assert refused.value.code == "codes-made-meanwhile"
    assert sorted(good(province)) == sorted(digest(slip.code) for slip in first)


def test_an_agency_alone_is_without_those_below_it(province: Database) -> None:
    with province.reading() as session:
        alone = holders_in(session, "H36.05", now=NOW, below=False)
        assert {one.agency_code for one in alone} == {"H36.05"}
    issued(province, "H36")

    with province.transaction() as session:
        count = deliver(session, "H36.05", who=Who(CHIEF), now=NOW, below=False)
        there = progress(session, "H36.05", now=NOW, below=False)
        below = progress(session, "H36.05.01", now=NOW)

    assert (count, there.mailboxes, there.delivered) == (3, 3, 3)
    assert (below.mailboxes, below.delivered) == (1, 0)


def test_a_code_that_ran_out_is_issued_anew_without_being_asked(province: Database) -> None:
    issued(province, "H36.06")

    with province.reading() as session:
        late = holders_in(session, "H36.06", now=UNTIL)

    assert [holder.name for holder in late] == ["Trần Văn Cường"]


def test_one_owner_who_forgot_gets_a_code_alone(province: Database) -> None:
    codes = issued(province, "H36.05")
    address = next(iter(codes))
    with province.reading() as session:
        holder = holder_of(session, address.upper())
        with pytest.raises(NotFound):
            holder_of(session, "khongco@lamdong.gov.vn")

    assert holder.address == address


@pytest.mark.parametrize(
    ("role", "agency"),
    [
        (Role.AUDITOR, None),
        (Role.LEADER, None),
        (Role.APPROVER, "H36.05"),
        (Role.HR, "H36.05.01"),
        (Role.LOCAL_ADMIN, "H36"),
    ],
)
def test_nobody_makes_a_code_for_an_operator_with_rights_that_they_do_not_hold(
    province: Database, role: Role, agency: str | None
) -> None:
    """Whoever sets the password of their mailbox signs in as them."""
    an_operator(province, "dung", Role.LOCAL_ADMIN, agency="H36.05")
    tied(province, an_operator(province, "chi", role, agency=agency), "CB2")

    with pytest.raises(Forbidden, match="anhnt@") as refused:
        issued_by(province, "dung")
    assert refused.value.code == "more-than-held"
    assert good(province) == []

    an_operator(province, "an", Role.ADMIN)
    assert len(issued_by(province, "an")) == 4
    assert len(issued_by(province, "root")) == 4  # whoever holds the server


def test_an_operator_below_the_maker_gets_a_code(province: Database) -> None:
    an_operator(province, "dung", Role.LOCAL_ADMIN, agency="H36.05")
    tied(province, an_operator(province, "chi", Role.LOCAL_ADMIN, agency="H36.05.01"), "CB3")
    tied(province, an_operator(province, "em"), "CB2")

    assert len(issued_by(province, "dung")) == 4


def tied(database: Database, operator: Operator, staff_number: str) -> None:
    with database.transaction() as session:
        person = the_person(database, staff_number).id
        naming.tie(session, session.get_one(Operator, operator.id), person, by="test", now=NOW)


def issued_by(database: Database, maker: str) -> list[Holder]:
    with database.transaction() as session:
        holders = holders_in(session, "H36.05", now=NOW, again=True)
        codes = [NewCode(holder, new_code()) for holder in holders]
        issue(session, codes, who=Who(maker), now=NOW, expires_at=UNTIL)
    return holders


def test_handed_out_is_recorded_once_and_only_for_who_has_a_code(province: Database) -> None:
    issued(province, "H36.05")
    with province.transaction() as session:
        first = deliver(session, "H36", who=Who(CHIEF), now=NOW)
        second = deliver(session, "H36", who=Who(CHIEF), now=UNTIL)
    with province.reading() as session:
        found = progress(session, "H36", now=NOW)
        later = progress(session, "H36", now=UNTIL)

    assert (first, second) == (4, 0)
    assert found == Progress(mailboxes=5, coded=4, delivered=4, activated=0, expired=0)
    assert later.expired == 4
    assert len(trail(province, "code.delivered")) == 4


def test_no_code_stands_in_the_books(province: Database) -> None:
    codes = issued(province, "H36")

    with province.reading() as session:
        everything = " ".join(
            str(row) for table in metadata.sorted_tables for row in session.execute(select(table)).all()
        )
    plain = everything.upper().replace("-", "")
    assert digest(next(iter(codes.values()))) in everything
    assert not any(code.reveal().replace("-", "") in plain for code in codes.values())


def some_codes(count: int) -> list[NewCode]:
    return [
        NewCode(
            Holder(
                n,
                f"anhnt{n}@lamdong.gov.vn",
                f"Nguyễn Thị Ánh {n}",
                "Chuyên viên",
                f"H36.{n // 50:03}",
                f"Sở {n // 50}",
            ),
            new_code(),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("hour", [0, 12, 16, 17, 23])
def test_a_code_is_good_until_the_end_of_the_day_that_its_slip_names(
    province: Database, tmp_path: Path, hour: int
) -> None:
    """Two days on from 21 November, or from the 22nd, which begins at 17:00 UTC."""
    made_at = datetime(2026, 11, 21, hour, tzinfo=UTC)
    last_day = date(2026, 11, 23 if hour < 17 else 24)
    until, path = good_until(made_at, days=2), tmp_path / "slips.pdf"

    save(print_slips(some_codes(1), sheet=SHEET, now=made_at, expires_at=until), path)

    assert f"{last_day:%d/%m/%Y}" in read(path)
    assert until == beginning_of(last_day + timedelta(days=1)) - timedelta(seconds=1)


def test_slips_are_a_pdf_that_only_its_owner_reads_and_never_overwrites(tmp_path: Path) -> None:
    pdf = print_slips(some_codes(60), sheet=SHEET, now=NOW, expires_at=UNTIL)
    path = tmp_path / "slips.pdf"

    save(pdf, path)

    assert pdf.startswith(b"%PDF-1.7")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(Invalid):
        save(pdf, path)


def test_a_slip_says_all_that_its_owner_needs(tmp_path: Path) -> None:
    codes = some_codes(120)
    path = tmp_path / "slips.pdf"
    save(print_slips(codes, sheet=SHEET, now=NOW, expires_at=UNTIL), path)

    text = read(path)
    assert [new.holder.address for new in codes if new.holder.address not in text] == []
    tight = re.sub(r"\s", "", text)  # kerning may look like a space
    assert [n for n, new in enumerate(codes) if new.code.reveal() not in tight] == []
    assert text.count("Mã dùng một lần, đến hết ngày 21/12/2026") == 120
    assert text.count("https://mail.lamdong.gov.vn/kich-hoat") == 120
    assert text.count("https://capphat.lamdong.gov.vn/toi") == 120
    assert "Sở 2 · H36.002 · 20 phiếu" in text
    assert pages(path) == 7 + 7 + 3  # agencies of 50, 50 and 20, eight slips to a page


def test_the_squares_on_the_slips_lead_to_the_page_with_the_code(tmp_path: Path) -> None:
    zxing = pytest.importorskip("zxingcpp")
    codes = some_codes(8)
    path = tmp_path / "slips.pdf"
    save(print_slips(codes, sheet=SHEET, now=NOW, expires_at=UNTIL), path)
    subprocess.run(["pdftoppm", "-gray", "-r", "150", path, tmp_path / "page"], check=True)
    (picture,) = tmp_path.glob("page*.pgm")
    width, height, pixels = re.fullmatch(
        rb"P5\s(\d+) (\d+)\s255\s(.*)", picture.read_bytes(), re.DOTALL
    ).groups()

    found = zxing.read_barcodes(memoryview(pixels).cast("B", shape=[int(height), int(width)]))

    assert {one.text for one in found} == {f"{SHEET.page}#{new.code.reveal()}" for new in codes}


@pytest.mark.slow
def test_the_slips_of_a_whole_province_take_less_than_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "slips.pdf"
    began = time.monotonic()

    save(print_slips(some_codes(6041), sheet=SHEET, now=NOW, expires_at=UNTIL), path)

    assert time.monotonic() - began < 60
    assert pages(path) == 120 * 7 + 6


def read(path: Path) -> str:
    return subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout


def pages(path: Path) -> int:
    told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"Pages: +(\d+)", told)[1])
