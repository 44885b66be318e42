"""Coverage as a file: what each kind of file needs, put together in one place for the site and the command line."""

from collections.abc import Mapping
from io import BytesIO

from provisioner.agencies.reference import Reference
from provisioner.coverage.reporting import Detail
from provisioner.coverage.tallies import Coverage
from provisioner.reports.coverage_document import coverage_document
from provisioner.reports.csv_file import write_csv
from provisioner.reports.letterhead import Letterhead
from provisioner.reports.rows import lay_out
from provisioner.reports.workbook import write_workbook

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
}
"""The media type of each ending."""


def table_file(
    coverage: Coverage,
    ending_soon: Mapping[int, int],
    reference: Reference,
    *,
    ending: str,
    detail: Detail = Detail.AGENCY,
    language: str = "vi",
) -> bytes:
    """The coverage table as `xlsx` or `csv`; `ending_soon` is M9 by agency (`expiring`)."""
    table = lay_out(coverage, reference, ending_soon, detail=detail, language=language)
    out = BytesIO()
    if ending == "xlsx":
        write_workbook(out, coverage, table, reference, language=language)
    else:
        write_csv(out, table, language=language)
    return out.getvalue()


def coverage_pdf(
    coverage: Coverage,
    ending_soon: Mapping[int, int],
    reference: Reference,
    letterhead: Letterhead,
    *,
    detail: Detail = Detail.AGENCY,
) -> bytes:
    """The report in the decree's form, which is in Vietnamese whatever its reader speaks; per level without appendix."""
    by_level = lay_out(coverage, reference, ending_soon, detail=Detail.LEVEL)
    by_agency = (
        lay_out(coverage, reference, ending_soon, detail=Detail.AGENCY) if detail is Detail.AGENCY else None
    )
    return coverage_document(
        coverage, levels=by_level, agencies=by_agency, reference=reference, letterhead=letterhead
    )
