"""The yearly report of an agency on official mail (Nghệ An, Quyết định 99/2025/QĐ-UBND, Phụ lục 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure, count, percent
from provisioner.coverage.tallies import Coverage
from provisioner.days import VIETNAM, day_of
from provisioner.errors import Invalid, Text
from provisioner.reports.basis import legal_basis
from provisioner.reports.letterhead import Letterhead
from provisioner.reports.typesetting import TEMPLATES, typeset

_CUT_OFF = (12, 10)
"""The period runs from 10 December to 10 December; the report is due before the 11th."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the agency can say. What is empty is printed as a dotted line, to be filled in by hand."""

    published: bool | None = None
    """Whether its directory of addresses was reviewed and published; None leaves both boxes empty."""
    difficulties: Sequence[str] = ()
    new: Sequence[str] = ()
    changes: Sequence[str] = ()
    locks: Sequence[str] = ()
    removals: Sequence[str] = ()


def period(year: int) -> tuple[date, date]:
    """The first and the last day that the report of a year covers."""
    return date(year - 1, *_CUT_OFF), date(year, *_CUT_OFF)


def yearly_document(
    coverage: Coverage,
    *,
    year: int,
    agency: str,
    letterhead: Letterhead,
    answers: Answers,
    folder: Path = TEMPLATES,
) -> bytes:
    """The report of a year as PDF, with the figures of `coverage`; `agency` is its name.

    The rate of those who were given an account is M3, the rate of those who use it regularly is M5
    of those issued, as Lào Cai reported it; M5 of those entitled stands in the note below. While the
    period runs, the report is of the days until `coverage.at`. Raises `Invalid` for a period that has
    not begun by then, and what `typeset` and `legal_basis` raise.
    """
    first, last = period(year)
    at, today = coverage.at.astimezone(VIETNAM), day_of(coverage.at)
    if today < first:
        raise Invalid(
            Text(
                vi=f"Kỳ báo cáo năm {year} bắt đầu từ ngày {first:%d/%m/%Y}, chưa có số liệu để báo cáo.",
                en=f"The period of {year} begins on {first.day} {first:%B %Y}; there is nothing to report yet.",
            ),
            code="year-wrong",
        )
    served, used = metrics.staff_served(coverage.sums), metrics.usage(coverage.sums)
    running = ", kỳ báo cáo chưa kết thúc" if today < last else ""
    data = {
        **letterhead.as_data(),
        "kind": "Báo cáo",
        "subject": f"Tình hình quản lý, sử dụng hệ thống thư điện tử công vụ năm {year}",
        "basis": legal_basis(folder / "legal_basis.toml", report="yearly", on=letterhead.day),
        "opening": f"{agency} báo cáo tình hình quản lý, sử dụng hệ thống thư điện tử công vụ năm {year} "
        f"(số liệu từ ngày {first:%d/%m/%Y} đến ngày {min(last, today):%d/%m/%Y}{running}) như sau:",
        "served": _written(served),
        "used": _written(used.of_issued),
        "published": answers.published,
        "difficulties": list(answers.difficulties),
        "proposals": [
            ["Cấp mới", list(answers.new)],
            ["Thay đổi", list(answers.changes)],
            ["Tạm khóa", list(answers.locks)],
            ["Hủy bỏ", list(answers.removals)],
        ],
        "closing": f"Trên đây là báo cáo tình hình quản lý, sử dụng hệ thống thư điện tử công vụ năm {year} "
        f"của {agency}./.",
        "note": f"Số liệu của hệ thống tính đến {at.hour:02} giờ {at.minute:02} phút, ngày {at:%d/%m/%Y}{running}. "
        f"Thường xuyên sử dụng: có sử dụng trong {coverage.used_within.days} ngày trước đó, "
        f"{_of(used.of_issued)} người đã được cấp; tính trên tổng số CBCCVC là {_of(used.of_entitled)} "
        f"({percent(used.of_entitled)}).",
    }
    return typeset("yearly", data, at=coverage.at, folder=folder)


def _written(measure: Measure) -> dict[str, str]:
    return {"of": _of(measure), "rate": percent(measure)}


def _of(measure: Measure) -> str:
    return f"{count(measure.n)}/{count(measure.of)}"
