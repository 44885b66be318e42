"""The coverage report as an administrative document: what stands in it, ready for the template."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioner.agencies.reference import Reference
from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure, count, percent
from provisioner.coverage.reporting import sentences
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Coverage
from provisioner.days import VIETNAM
from provisioner.reports.basis import legal_basis
from provisioner.reports.columns import BY_KEY, EXPIRING_DAYS, Counted
from provisioner.reports.letterhead import Letterhead
from provisioner.reports.rows import Row, Table, note
from provisioner.reports.typesetting import TEMPLATES, typeset

SUBJECT = "Tình hình cấp, sử dụng hộp thư điện tử công vụ và chứng thư chữ ký số"
_SUMMARY = ("staff", "issued", "staff_rate", "used", "use_rate", "agencies", "personal_valid", "leading")
_APPENDIX = (
    *(
        "staff",
        "issued",
        "active",
        "staff_rate",
        "used",
        "use_rate",
        "agencies",
        "personal",
        "personal_valid",
    ),
    *("organisation", "organisation_valid", "leading", "leaders_rate", "expiring"),
)
_LONGEST_BEHIND = 10


def coverage_document(
    coverage: Coverage,
    *,
    levels: Table,
    agencies: Table | None,
    reference: Reference,
    letterhead: Letterhead,
    folder: Path = TEMPLATES,
) -> bytes:
    """The report as PDF: results, the table of `levels`, who is behind, and `agencies` as an appendix.

    Always in Vietnamese, which is what the decree asks for. Raises what `typeset` and `legal_basis` raise.
    """
    data = {
        **letterhead.as_data(),
        "kind": "Báo cáo",
        "subject": SUBJECT,
        "basis": legal_basis(folder / "legal_basis.toml", report="coverage", on=letterhead.day),
        "opening": _opening(coverage, reference, letterhead),
        "results": sentences(coverage, reference),
        "summary": {
            "groups": _groups(levels, _SUMMARY, lambda row: [str(row.number), row.name]),
            "total": _figures(levels.total, _SUMMARY),
        },
        "behind": [] if agencies is None else _behind(agencies),
        "closing": f"Trên đây là báo cáo {SUBJECT[:1].lower()}{SUBJECT[1:]} của {letterhead.agency}./.",
        "appendix": None if agencies is None else _appendix(agencies, letterhead),
    }
    return typeset("coverage", data, at=coverage.at, folder=folder)


def _opening(coverage: Coverage, reference: Reference, letterhead: Letterhead) -> str:
    at = coverage.at.astimezone(VIETNAM)
    return (
        f"{letterhead.agency} báo cáo tình hình cấp, sử dụng hộp thư điện tử công vụ và chứng thư chữ ký số "
        f"({described(coverage.scope, reference)}; số liệu tính đến "
        f"{at.hour:02} giờ {at.minute:02} phút, ngày {at:%d/%m/%Y}) như sau:"
    )


def _behind(table: Table) -> list[list[str]]:
    """The agencies with the lowest rates of staff served, of those where somebody is missing."""
    rows = [row for group in table.groups for row in group.rows]
    rates = [(metrics.staff_served(row.counted.sums), row) for row in rows]
    lowest = sorted(
        ((rate.tenths, -rate.of, row.number, rate, row) for rate, row in rates if rate.n < rate.of),
        key=lambda found: found[:3],
    )
    return [
        [str(number), f"{row.name} ({row.code})", _of(rate), _bare(rate)]
        for number, (*_order, rate, row) in enumerate(lowest[:_LONGEST_BEHIND], start=1)
    ]


def _appendix(table: Table, letterhead: Letterhead) -> Mapping[str, Any]:
    day = letterhead.place_and_date.partition(", ")[2]
    return {
        "title": "Tỷ lệ cấp hộp thư công vụ, chứng thư số theo cơ quan, đơn vị",
        "attached": f"Kèm theo Báo cáo số {letterhead.written_number} {day} của {letterhead.agency}; "
        f"sắp hết hạn: trong {EXPIRING_DAYS} ngày tới",
        "groups": [
            {**group, "subtotal": ["", *group["subtotal"], ""]}
            for group in _groups(
                table,
                _APPENDIX,
                lambda row: [str(row.number), row.name, row.level.removeprefix("Cấp ").capitalize()],
                with_note=True,
            )
        ],
        "total": ["", *_figures(table.total, _APPENDIX), ""],
    }


def _groups(
    table: Table, keys: Sequence[str], names: Any, *, with_note: bool = False
) -> list[dict[str, Any]]:
    def written(row: Row) -> list[str]:
        return [*names(row), *_figures(row.counted, keys), *([note(row.counted)] if with_note else [])]

    return [
        {
            "numeral": group.numeral,
            "name": group.name,
            "rows": [written(row) for row in group.rows],
            "subtotal": _figures(group.subtotal, keys),
        }
        for group in table.groups
    ]


def _figures(counted: Counted, keys: Sequence[str]) -> list[str]:
    """The figures of a line as they are printed; two columns of the workbook are one `n/N` on paper."""
    pairs = {
        "agencies": metrics.agencies_served(counted.sums),
        "leading": metrics.leaders_signing(counted.sums),
    }
    return [_of(pairs[key]) if key in pairs else _written(BY_KEY[key].figure(counted)) for key in keys]


def _written(figure: int | Measure) -> str:
    return _bare(figure) if isinstance(figure, Measure) else count(figure)


def _bare(measure: Measure) -> str:
    """The rate without its sign, below a head that says (%)."""
    return percent(measure).removesuffix("%")


def _of(measure: Measure) -> str:
    return f"{count(measure.n)}/{count(measure.of)}" if measure.of else "–"
