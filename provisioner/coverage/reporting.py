"""Coverage as people and programs read it: sentences, a table, records.

What people read is in Vietnamese or in English (`language` is "vi" or "en"); the keys of records
are English and stable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provisioner.agencies.reference import Reference
from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure, count, percent, ratio
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Coverage, CoveredAgency, Scope, Sums, summed
from provisioner.days import VIETNAM
from provisioner.errors import Text


class Detail(StrEnum):
    """What a line of the table stands for; lines are grouped by bloc."""

    LEVEL = "level"
    AGENCY = "agency"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: an agency, or all agencies of a level."""

    name: str
    sums: Sums
    code: str | None = None
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """The lines of one bloc, with their subtotal."""

    bloc: str
    name: str
    lines: list[Line]
    sums: Sums


def grouped(coverage: Coverage, reference: Reference, *, detail: Detail, language: str = "vi") -> list[Group]:
    """The lines of a table: blocs and levels in the order of the reference data, agencies in their tree.

    Blocs and levels without an agency in scope are left out.
    """
    groups = []
    for bloc, term in reference.blocs.items():
        rows = [row for row in coverage.agencies if row.place.bloc == bloc]
        if rows:
            lines = _agencies(rows) if detail is Detail.AGENCY else _levels(rows, reference, language)
            groups.append(Group(bloc, term.name.in_language(language), lines, summed(rows)))
    return groups


def _agencies(rows: Iterable[CoveredAgency]) -> list[Line]:
    return [Line(row.place.name, row.sums, row.place.code) for row in rows]


def _levels(rows: Sequence[CoveredAgency], reference: Reference, language: str) -> list[Line]:
    by_level = {level: [row for row in rows if row.place.level == level] for level in reference.levels}
    return [
        Line(reference.levels[level].name.in_language(language), summed(chosen), level=level)
        for level, chosen in by_level.items()
        if chosen
    ]


def sentences(coverage: Coverage, reference: Reference, *, language: str = "vi") -> list[tuple[str, str]]:
    """M1 to M8, each as a name and what there is to say; M4 only where there is a level below."""
    sums = coverage.sums
    issued, certificates = metrics.mailboxes(sums), metrics.certificates(sums)
    used, rolled = metrics.usage(sums), metrics.roll_out(coverage)
    days = coverage.used_within.days

    def said(vi: str, en: str, *figures: int | Measure) -> str:
        written = [ratio(f, language) if isinstance(f, Measure) else count(f, language) for f in figures]
        return (vi if language == "vi" else en).format(*written)

    facts = [
        (
            Text(vi="Hộp thư đã cấp", en="Mailboxes issued"),
            said(
                "{}, gồm {} của đơn vị và {} của cá nhân; đã bàn giao {}, tạm khóa {}, thu hồi {}",
                "{}: {} of agencies and {} of persons; handed over {}, locked {}, revoked {}",
                *(
                    issued.all,
                    issued.units,
                    issued.personal,
                    issued.handed_over,
                    issued.locked,
                    issued.revoked,
                ),
            ),
        ),
        (
            Text(vi="Trên tổng số thuộc diện cấp", en="Of all entitled"),
            said("{}", "{}", metrics.holders(sums)),
        ),
        (
            Text(vi="Cơ quan, đơn vị có hộp thư", en="Agencies with a mailbox"),
            said("{}", "{}", metrics.agencies_served(sums)),
        ),
        (_staff(coverage.scope, reference), said("{}", "{}", metrics.staff_served(sums))),
        (
            Text(vi="Triển khai đến cấp dưới", en="Rolled out to the level below"),
            said(
                "{} đủ các đơn vị; {} có ít nhất một đơn vị",
                "{} to all of them; {} to at least one",
                *(rolled.complete, rolled.begun),
            )
            if rolled.complete.of
            else "",
        ),
        (
            Text(vi=f"Sử dụng hộp thư ({days} ngày qua)", en=f"Mailboxes in use (last {days} days)"),
            said(
                "{} số đã cấp; {} số thuộc diện cấp",
                "{} of those issued; {} of those entitled",
                *(used.of_issued, used.of_entitled),
            ),
        ),
        (
            Text(vi="Chứng thư số đã cấp", en="Certificates issued"),
            said(
                "{}, gồm {} cá nhân và {} tổ chức; còn hiệu lực {}, thu hồi {}",
                "{}: {} of persons and {} of organisations; valid {}, revoked {}",
                certificates.all,
                certificates.personal,
                certificates.organisation,
                certificates.valid,
                certificates.revoked,
            ),
        ),
        (
            Text(vi="Lãnh đạo, quản lý có chứng thư", en="Leaders with a certificate"),
            said("{}", "{}", metrics.leaders_signing(sums)),
        ),
        (
            Text(vi="Cơ quan có con dấu có chứng thư", en="Sealed agencies with a certificate"),
            said("{}", "{}", metrics.agencies_signing(sums)),
        ),
    ]
    return [(name.in_language(language), value) for name, value in facts if value]


def _staff(scope: Scope, reference: Reference) -> Text:
    """Whom a rate of staff counts: the categories asked about are part of its name."""
    chosen = [
        term.name
        for code, term in reference.categories.items()
        if code in scope.categories or not scope.categories
    ]
    vi, en = ", ".join(name.vi for name in chosen), ", ".join(name.en for name in chosen)
    return Text(vi=f"{vi.capitalize()} có hộp thư", en=f"{en.capitalize()}: with a mailbox")


def _of(measure: Measure, language: str) -> str:
    return f"{count(measure.n, language)}/{count(measure.of, language)}"


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of the table, and the list of names behind its figures (`naming.LISTS`)."""

    head: Text
    figure: Callable[[Sums, str], str]
    behind: str


_COLUMNS = (
    _Column(Text(vi="CBCCVC", en="Staff"), lambda sums, lang: count(sums.people.entitled, lang), "staff"),
    _Column(Text(vi="Đã cấp", en="Issued"), lambda sums, lang: count(sums.people.issued, lang), "issued"),
    _Column(
        Text(vi="Tỷ lệ", en="Rate"),
        lambda sums, lang: percent(metrics.staff_served(sums), lang),
        "staff-unserved",
    ),
    _Column(
        Text(vi="Bàn giao", en="Handed over"),
        lambda sums, lang: count(sums.people.handed_over, lang),
        "handed-over",
    ),
    _Column(Text(vi="Sử dụng", en="In use"), lambda sums, lang: count(sums.people.used, lang), "used"),
    _Column(
        Text(vi="Tỷ lệ SD", en="Use"),
        lambda sums, lang: percent(metrics.usage(sums).of_issued, lang),
        "unused",
    ),
    _Column(
        Text(vi="Hộp thư CQ", en="Agencies"),
        lambda sums, lang: _of(metrics.agencies_served(sums), lang),
        "agencies-unserved",
    ),
    _Column(
        Text(vi="CTS cá nhân", en="Certificates"),
        lambda sums, lang: count(sums.people.certificates_valid, lang),
        "certificates-of-people",
    ),
    _Column(
        Text(vi="LĐ có CTS", en="Leaders"),
        lambda sums, lang: _of(metrics.leaders_signing(sums), lang),
        "leaders-not-signing",
    ),
    _Column(
        Text(vi="CQ có CTS", en="Sealed agencies"),
        lambda sums, lang: _of(metrics.agencies_signing(sums), lang),
        "sealed-not-signing",
    ),
)
_LONGEST_NAME = 56


def printed(
    coverage: Coverage, reference: Reference, *, detail: Detail = Detail.LEVEL, language: str = "vi"
) -> str:
    """What `provisioner coverage` prints: title, moment and scope, the sentences, and the table."""
    title = Text(
        vi="TỶ LỆ CẤP HỘP THƯ CÔNG VỤ, CHỨNG THƯ SỐ", en="COVERAGE: OFFICIAL MAILBOXES, SIGNING CERTIFICATES"
    )
    moment = coverage.at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")
    said = sentences(coverage, reference, language=language)
    width = max(len(name) for name, _value in said)
    return "\n".join(
        (
            title.in_language(language),
            Text(vi=f"Tính đến {moment}", en=f"As of {moment} (UTC+7)").in_language(language)
            + f"; {described(coverage.scope, reference, language=language)}",
            "",
            *(f"{name:<{width}}  {value}" for name, value in said),
            "",
            *_table(grouped(coverage, reference, detail=detail, language=language), coverage.sums, language),
        )
    )


def _table(groups: Sequence[Group], everything: Sums, language: str) -> list[str]:
    subtotal = Text(vi="Cộng", en="Subtotal").in_language(language)
    whole = Text(vi="Tổng cộng", en="Total").in_language(language)
    heads = [Text(vi="Cơ quan, đơn vị", en="Agency"), *(column.head for column in _COLUMNS)]
    rows: list[list[str]] = [[head.in_language(language) for head in heads]]
    for group in groups:
        rows.append([group.name])
        rows += [_row("  " + _clipped(line), line.sums, language) for line in group.lines]
        rows.append(_row("  " + subtotal, group.sums, language))
    rows.append(_row(whole, everything, language))
    names = max(len(row[0]) for row in rows if len(row) > 1)
    widths = [max(len(row[column]) for row in rows if len(row) > 1) for column in range(1, len(heads))]
    rule = "─" * (names + sum(width + 2 for width in widths))
    lines = [
        f"{name:<{names}}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=False))
        for name, *cells in rows
    ]
    return [lines[0].rstrip(), rule, *(line.rstrip() for line in lines[1:-1]), rule, lines[-1].rstrip()]


def _row(name: str, sums: Sums, language: str) -> list[str]:
    return [name, *figures(sums, language)]


def heads(language: str = "vi") -> list[str]:
    """The heads of the table's columns of figures."""
    return [column.head.in_language(language) for column in _COLUMNS]


def figures(sums: Sums, language: str = "vi") -> list[str]:
    """The figures of one line of the table, as they are written."""
    return [column.figure(sums, language) for column in _COLUMNS]


def lists_behind() -> list[str]:
    """For each column the list of names behind its figures; for a rate, of those who are missing."""
    return [column.behind for column in _COLUMNS]


def _clipped(line: Line) -> str:
    name = f"{line.code} {line.name}" if line.code else line.name
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def records(coverage: Coverage) -> list[dict[str, str | int | None]]:
    """One flat record per agency in scope, for JSON and CSV: every count behind every rate.

    Agencies that have ended and left something behind come last. `own_` is of an agency itself and `staff_` of its
    people in post: all that rates are made of. `left_` and `ended_` are in no rate, see `Sums`. The four of all
    records together are the figures of `totals`.
    """
    return [
        {
            "agency_code": row.place.code,
            "agency_name": row.place.name,
            "bloc": row.place.bloc,
            "level": row.place.level,
            "last_day": row.place.until.isoformat() if row.place.until else None,
            **{
                f"{part}_{name}": figure
                for part, sums in _PARTS.items()
                for name, figure in getattr(row.sums, sums)._asdict().items()
            },
        }
        for row in (*coverage.agencies, *coverage.ended)
    ]


_PARTS = {"own": "own", "staff": "people", "left": "left", "ended": "ended"}


def totals(coverage: Coverage) -> dict[str, object]:
    """The metrics of the whole scope for programs, each rate as `n`, `of` and `percent` (None for 0 of 0)."""
    sums, rolled = coverage.sums, metrics.roll_out(coverage)
    issued, certificates, used = metrics.mailboxes(sums), metrics.certificates(sums), metrics.usage(sums)
    return {
        "at": coverage.at.isoformat(),
        "mailboxes": {
            "issued": issued.all,
            "units": issued.units,
            "personal": issued.personal,
            "active": issued.active,
            "locked": issued.locked,
            "revoked": issued.revoked,
            "handed_over": issued.handed_over,
            "used": issued.used,
        },
        "holders": _rate(metrics.holders(sums)),
        "agencies_served": _rate(metrics.agencies_served(sums)),
        "staff_served": _rate(metrics.staff_served(sums)),
        "rolled_out": _rate(rolled.complete),
        "roll_out_begun": _rate(rolled.begun),
        "used_of_issued": _rate(used.of_issued),
        "used_of_entitled": _rate(used.of_entitled),
        "certificates": {
            "issued": certificates.all,
            "personal": certificates.personal,
            "organisation": certificates.organisation,
            "valid": certificates.valid,
            "revoked": certificates.revoked,
        },
        "leaders_signing": _rate(metrics.leaders_signing(sums)),
        "agencies_signing": _rate(metrics.agencies_signing(sums)),
    }


def _rate(measure: Measure) -> dict[str, float | int | None]:
    tenths = measure.tenths
    return {"n": measure.n, "of": measure.of, "percent": None if tenths is None else tenths / 10}
