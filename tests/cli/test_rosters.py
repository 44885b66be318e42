"""`provisioner roster`: what it prints, how it ends, and that it takes two people."""

import csv
from pathlib import Path

import openpyxl
import pytest

from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import a_unit, an_official

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""The commands do the same on both databases: what they call is tested on both."""

PEOPLE = [an_official("CB1", "Nguyễn Thị Ánh"), an_official("CB2", "Lê Văn Bình"), a_unit("H36.05")]
BAD = an_official("CB3", "Đỗ Văn Cường", ma_co_quan="H36.99")


@pytest.fixture
def folder(installation: Path, provisioner: Provisioner) -> Path:
    """The small province's agencies are in the books."""
    provisioner("agencies", "import", agencies_file(installation))
    return installation


def planned(provisioner: Provisioner, folder: Path, *, status: int = 0) -> int:
    rows = [*PEOPLE, BAD] if status else PEOPLE
    plan = provisioner("roster", "plan", roster_file(folder, rows), "--by", "an", "--json", status=status)
    return int(told(plan)["plan"])


def test_a_plan_prints_its_id_digest_counts_and_the_next_step(folder: Path, provisioner: Provisioner) -> None:
    printed = provisioner("roster", "plan", roster_file(folder, PEOPLE), "--by", "an").stdout

    digest = told(provisioner("roster", "status", 1, "--json"))["digest"]
    assert f"plan 1   digest {digest}" in printed
    assert "roster.csv: 3 create" in printed
    assert "provisioner roster approve 1" in printed


def test_a_plan_says_how_many_rows_ask_for_more_than_the_policies_give(
    folder: Path, provisioner: Provisioner
) -> None:
    file = roster_file(folder, [an_official("CB1", dung_luong="8GB"), an_official("CB2", "Lê Văn Bình")])

    assert "to look at before approving: 1 with a size" in provisioner("roster", "plan", file).stdout
    status = provisioner("roster", "status", 1)
    assert "to look at before approving: 1 with a size" in status.stdout
    assert told(provisioner("roster", "status", 1, "--json"))["standing_out"] == 1


def test_the_template_can_be_planned_as_it_is(folder: Path, provisioner: Provisioner) -> None:
    printed = provisioner("roster", "template", "--out", folder / "template.xlsx").stdout

    assert "the codes of 6 agencies" in printed
    assert "template.xlsx: 3 create" in provisioner("roster", "plan", folder / "template.xlsx").stdout


def test_a_plan_with_refused_rows_ends_with_1_and_names_the_first_problems(
    folder: Path, provisioner: Provisioner
) -> None:
    file = roster_file(folder, [*PEOPLE, BAD])

    english = provisioner("roster", "plan", file, status=1).stdout
    vietnamese = provisioner("--lang", "vi", "roster", "plan", file, status=1).stdout

    assert "3 create, 1 refused" in english
    assert "row 5 ma_co_quan: There is no agency with the code H36.99" in english
    assert "[agency-unknown]" in english
    assert "Không có cơ quan nào mang mã H36.99" in vietnamese


def test_a_conflict_ends_with_1_too(folder: Path, provisioner: Provisioner) -> None:
    file = roster_file(folder, [an_official("CB1"), an_official("CB1", "Lê Văn Bình")])

    assert "staff-number-twice-in-file" in provisioner("roster", "plan", file, status=1).stdout


def test_no_more_than_ten_rows_with_problems_are_printed(folder: Path, provisioner: Provisioner) -> None:
    file = roster_file(folder, [BAD | {"ma_can_bo": f"CB{n}"} for n in range(25)])

    assert provisioner("roster", "plan", file, status=1).stdout.count("[agency-unknown]") == 10


def test_a_file_that_is_no_roster_is_one_sentence(folder: Path, provisioner: Provisioner) -> None:
    file = folder / "note.csv"
    file.write_text("hello\n")

    printed = provisioner("roster", "plan", file, status=1)

    assert printed.stdout == ""
    assert printed.stderr.startswith("provisioner: No header row was found.")
    assert printed.stderr.count("\n") == 1


def test_programs_read_the_plan_as_json(folder: Path, provisioner: Provisioner) -> None:
    plan = told(provisioner("roster", "plan", roster_file(folder, PEOPLE), "--by", "an", "--json"))

    assert (plan["plan"], plan["state"], plan["planned_by"], plan["approved_by"]) == (
        1,
        "planned",
        "an",
        None,
    )
    assert plan["counts"] == {"create": 3}
    assert len(plan["digest"]) == 64
    assert plan["progress"] == {"work": 3, "applied": 0, "refused_since": 0}
    assert plan["understood"]["encoding"] == "utf-8"


def test_the_plans_are_listed_the_newest_first(folder: Path, provisioner: Provisioner) -> None:
    for name in ("first.csv", "second.csv"):
        provisioner("roster", "plan", roster_file(folder, PEOPLE, name=name), "--by", "an")
    provisioner("roster", "approve", 1, "--by", "binh")

    listed = told(provisioner("roster", "list", "--json"))

    assert [(row["plan"], row["file"], row["state"], row["approved_by"]) for row in listed] == [
        (2, "second.csv", "planned", None),
        (1, "first.csv", "approved", "binh"),
    ]
    assert "first.csv" in provisioner("roster", "list").stdout


def test_who_planned_cannot_approve(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder)

    refused = provisioner("roster", "approve", plan, "--by", "an", status=1)

    assert "a second person must" in refused.stderr
    assert "[two-people]" in refused.stderr
    provisioner("roster", "approve", plan, "--by", "binh")


def test_approval_may_name_the_digest_that_was_looked_at(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder)

    refused = provisioner("roster", "approve", plan, "--by", "binh", "--digest", "0" * 64, status=1)
    assert "[digest-differs]" in refused.stderr

    digest = told(provisioner("roster", "status", plan, "--json"))["digest"]
    approved = provisioner("roster", "approve", plan, "--by", "binh", "--digest", digest)
    assert f"plan {plan} approved by binh: 3 create" in approved.stdout


def test_what_was_not_approved_is_not_applied(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder)

    refused = provisioner("--lang", "vi", "roster", "apply", plan, status=1)

    assert "không ở trạng thái" in refused.stderr


def test_an_unknown_plan_is_one_sentence(folder: Path, provisioner: Provisioner) -> None:
    for command in (["status"], ["apply"], ["approve", "--by", "x"], ["result", "--out", folder / "x.csv"]):
        refused = provisioner("roster", command[0], 4711, *command[1:], status=1)
        assert "There is no plan 4711. [plan-unknown]" in refused.stderr


def test_status_tells_how_far_it_has_come(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder)
    provisioner("roster", "approve", plan, "--by", "binh")
    provisioner("roster", "apply", plan, "--by", "binh")

    printed = provisioner("roster", "status", plan).stdout

    assert f"plan {plan} (roster.csv): applying" in printed
    assert "planned by an, approved by binh" in printed
    assert "in the books: 0 of 3" in printed


def test_the_result_gives_the_same_rows_back_as_csv_or_xlsx(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder, status=1)
    for name in ("result.csv", "result.xlsx"):
        printed = provisioner("--lang", "vi", "roster", "result", plan, "--out", folder / name, "--by", "an")
        assert "4 rows written" in printed.stdout

    rows = list(csv.reader((folder / "result.csv").read_text("utf-8-sig").splitlines()))
    book = openpyxl.load_workbook(folder / "result.xlsx")
    book.close()

    assert [row[2] for row in rows[1:]] == ["Nguyễn Thị Ánh", "Lê Văn Bình", "", "Đỗ Văn Cường"]
    assert "Sẽ thực hiện" in rows[1]
    assert "anhnt@lamdong.gov.vn" in rows[1]
    assert "Bị từ chối" in rows[4]
    assert "H36.99" in rows[4][-1]


def test_a_result_of_another_kind_is_refused(folder: Path, provisioner: Provisioner) -> None:
    plan = planned(provisioner, folder)

    assert (
        "[result-format]"
        in provisioner("roster", "result", plan, "--out", folder / "result.pdf", status=1).stderr
    )
