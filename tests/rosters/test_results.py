"""Results: the same rows back, and beside each what became of it by now."""

import csv
from pathlib import Path

import pytest
from sqlalchemy import update

from provisioner.certificates.models import Certificate, State
from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.mailboxes.models import Mailbox
from provisioner.rosters.results import STATUSES, write_plan_result
from tests.books import LATER, NOW
from tests.fakes.directory import FakeDirectory
from tests.province import (
    DIT,
    SEALER,
    a_province,
    a_unit,
    an_official,
    apply,
    issued,
    planned,
    provide,
    synced,
    trail,
)

ROWS = (
    an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001"),
    an_official("CB2", "Lê Văn Bình", chung_thu="x"),
    an_official("CB3", "Đỗ Văn Cường", ma_co_quan="H36.99"),
    an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001"),
)


def given_back(
    database: Database, plan_id: int, folder: Path, *, language: str = "en"
) -> list[tuple[str, str, str]]:
    """Status, address and reason of each row."""
    out = folder / "result.csv"
    write_plan_result(database, plan_id, out, sealer=SEALER, language=language, by="an", now=NOW)
    with out.open(encoding="utf-8-sig", newline="") as file:
        return [(row[-3], row[-2], row[-1]) for row in list(csv.reader(file))[1:]]


def statuses(database: Database, plan_id: int, folder: Path) -> list[str]:
    return [status for status, _, _ in given_back(database, plan_id, folder)]


def test_before_it_is_applied_a_result_says_what_will_be(database: Database, tmp_path: Path) -> None:
    plan_id = planned(a_province(database), *ROWS)

    will, _, refused, twice = given_back(database, plan_id, tmp_path)

    assert will == ("planned", "anhnt@lamdong.gov.vn", "")
    assert refused[0] == "refused"
    assert "H36.99" in refused[2]
    assert twice == ("duplicate", "", "This row repeats row 2.")


def test_a_row_is_issued_when_its_mailbox_stands_and_its_certificate_is_signed(
    database: Database, tmp_path: Path
) -> None:
    directory = FakeDirectory(DIT)
    plan_id = provide(a_province(database), *ROWS[:2])
    assert statuses(database, plan_id, tmp_path) == ["pending", "pending"]

    synced(database, directory)
    assert statuses(database, plan_id, tmp_path) == ["issued", "pending"]

    issued(database)
    synced(database, directory)
    assert statuses(database, plan_id, tmp_path) == ["issued", "issued"]


def test_changes_are_told_as_changes(database: Database, tmp_path: Path) -> None:
    provide(a_province(database), *ROWS[:2])

    plan_id = provide(database, ROWS[0] | {"chuc_vu": "Trưởng phòng"}, ROWS[1], now=LATER)
    synced(database, FakeDirectory(DIT), now=LATER)

    assert statuses(database, plan_id, tmp_path) == ["changed", "unchanged"]


def test_every_row_about_a_mailbox_says_its_address(database: Database, tmp_path: Path) -> None:
    provide(a_province(database), ROWS[0], a_unit("H36.05"))
    change, new = ROWS[0] | {"chuc_vu": "Trưởng phòng"}, an_official("CB9", "Đỗ Văn Chín")

    plan_id = planned(database, a_unit("H36.05", "SỞ KHOA HỌC VÀ CÔNG NGHỆ"), change, change, new, new)
    before = given_back(database, plan_id, tmp_path)
    apply(database, plan_id)
    after = given_back(database, plan_id, tmp_path)

    unit, anh, chin = (f"{name}@lamdong.gov.vn" for name in ("skhcn", "anhnt", "chindv"))
    assert [address for _, address, _ in before] == [unit, anh, anh, chin, ""]
    assert [address for _, address, _ in after] == [unit, anh, anh, chin, chin]


def test_a_row_refused_since_it_was_planned_says_so(database: Database, tmp_path: Path) -> None:
    plan_id = planned(a_province(database), ROWS[0])
    provide(database, ROWS[0])
    apply(database, plan_id)

    ((status, _, reason),) = given_back(database, plan_id, tmp_path, language="vi")

    assert status == "Bị từ chối"
    assert "Dữ liệu đã thay đổi" in reason


def test_what_needs_a_person_says_why_and_a_new_order_makes_up_for_a_refused_one(
    database: Database, tmp_path: Path
) -> None:
    plan_id = provide(a_province(database), *ROWS[:2])
    synced(database, FakeDirectory(DIT))
    with database.transaction() as session:
        session.execute(
            update(Mailbox).where(Mailbox.id == 1).values(trouble="refused", trouble_detail="why")
        )
        session.execute(
            update(Certificate).values(state=State.REFUSED, trouble="x", trouble_detail="too long")
        )

    assert [row[::2] for row in given_back(database, plan_id, tmp_path)] == [
        ("needs a person", "why"),
        ("needs a person", "too long"),
    ]
    (_, _, reason), _ = given_back(database, plan_id, tmp_path, language="vi")
    assert reason == "Máy chủ danh bạ từ chối mục này, cần người xử lý (why)"

    provide(database, ROWS[1], now=LATER)
    assert statuses(database, plan_id, tmp_path)[1] == "pending"


def test_giving_a_result_out_is_in_the_audit_trail(database: Database, tmp_path: Path) -> None:
    plan_id = planned(a_province(database), ROWS[0])

    given_back(database, plan_id, tmp_path)

    (event,) = trail(database, "roster.result-given")
    assert (event.actor, event.subject_id, event.after) == ("an", str(plan_id), {"as": "result.csv"})
    assert "068190000001" in (tmp_path / "result.csv").read_text("utf-8-sig")
    assert (tmp_path / "result.csv").stat().st_mode & 0o777 == 0o600


def test_only_csv_and_xlsx_are_written_and_only_of_known_plans(database: Database, tmp_path: Path) -> None:
    plan_id = planned(a_province(database), ROWS[0])

    for out, id_, kind in (("x.pdf", plan_id, Invalid), ("x.csv", 4711, NotFound)):
        with pytest.raises(kind):
            write_plan_result(database, id_, tmp_path / out, sealer=SEALER, language="vi", by="an", now=NOW)
        assert not (tmp_path / out).exists()


def test_every_status_has_a_name_in_both_languages() -> None:
    for status in STATUSES.values():
        assert status.vi
        assert status.en
