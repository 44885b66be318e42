"""`provisioner report`: coverage as a file for leaders, and the yearly report of an agency."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from provisioner.agencies.register import Register
from provisioner.cli.coverage import ask, asked_day, check_codes
from provisioner.cli.shell import Commands, Shell, pass_shell
from provisioner.coverage.reporting import Detail
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.errors import Text
from provisioner.reports.expiring import expiring
from provisioner.reports.files import coverage_pdf, table_file
from provisioner.reports.letterhead import Letterhead, Signature
from provisioner.reports.yearly import Answers, period, yearly_document
from provisioner.secret import Secret

Command = TypeVar("Command", bound=Callable[..., Any])

_FORMATS = (".xlsx", ".csv", ".pdf")
_PASSWORD = "PROVISIONER_SIGNATORY_PASSWORD"  # noqa: S105 - the name of a variable


@click.group(cls=Commands)
def report() -> None:
    """Reports as files: XLSX, CSV, and PDF in the form of an administrative document."""


def _letterhead_options(command: Command) -> Command:
    """What stands around the text of an administrative document, and who signs it electronically."""
    for option in (
        click.option(
            "--sign-with",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="A PKCS#12 file with a document certificate; its password is asked for, or taken from "
            f"{_PASSWORD}. Signs PDF only.",
        ),
        click.option(
            "--sign", is_flag=True, help="Seal the PDF with the province's seal: provisioner ca seal."
        ),
        click.option("--recipient", "recipients", multiple=True, help="A line of “Nơi nhận”; repeat it."),
        click.option("--capacity", multiple=True, help="“KT. GIÁM ĐỐC”, then “PHÓ GIÁM ĐỐC”; repeat it."),
        click.option("--signer", default="", help="Name of who signs."),
        click.option("--place", help="As before the date; the province when left out."),
        click.option("--number", help="“15/BC-SKHCN”, or “/BC-SKHCN” to leave room for it."),
        click.option("--superior", help="The superior agency, above the issuing one."),
        click.option("--agency-name", help="Who issues the document."),
    ):
        command = option(command)
    return command


@report.command("coverage")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write; its ending says which format: .xlsx, .csv, .pdf.",
)
@click.option("--agency", metavar="CODE", help="This agency and everything below it.")
@click.option("--bloc", "blocs", multiple=True, help="May be given several times.")
@click.option("--level", "levels", multiple=True, help="May be given several times.")
@click.option("--category", "categories", multiple=True, help="Staff category; may be given several times.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d", "%d/%m/%Y"]), help="The end of this day.")
@click.option(
    "--detail",
    type=click.Choice([detail.value for detail in Detail]),
    default=Detail.AGENCY.value,
    show_default=True,
    help="A line per agency or per level; a PDF per level has no appendix.",
)
@_letterhead_options
@pass_shell
def coverage_report(
    shell: Shell,
    /,
    out: Path,
    agency: str | None,
    blocs: tuple[str, ...],
    levels: tuple[str, ...],
    categories: tuple[str, ...],
    as_of: datetime | None,
    detail: str,
    sign_with: Path | None,
    sign: bool,
    **head: Any,
) -> None:
    """The coverage table: blocs as groups with subtotals, and the total."""
    if out.suffix not in _FORMATS:
        raise click.BadParameter(f"the file has to end in one of {', '.join(_FORMATS)}", param_hint="--out")
    if (sign or sign_with is not None) and out.suffix != ".pdf":
        raise click.BadParameter(
            "only a .pdf can be signed", param_hint="--sign-with" if sign_with else "--sign"
        )
    scope = Scope(frozenset(blocs), frozenset(levels), frozenset(categories), agency)
    check_codes(shell, scope)
    found = ask(shell, scope, asked_day(shell, as_of))
    services = shell.services
    with services.database.reading() as session:
        ending = expiring(session, found)
    if out.suffix == ".pdf":
        letterhead = _letterhead(shell, **head)
        pdf = coverage_pdf(found, ending, services.reference, letterhead, detail=Detail(detail))
        out.write_bytes(_signed(shell, pdf, sign_with, letterhead, sealed=sign))
    else:
        out.write_bytes(
            table_file(
                found,
                ending,
                services.reference,
                ending=out.suffix.removeprefix("."),
                detail=Detail(detail),
                language=shell.language,
            )
        )
    _say_written(shell, out)


@report.command("yearly")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The PDF file to write."
)
@click.option("--agency", metavar="CODE", required=True, help="Whose report; everything below it counts.")
@click.option("--year", type=click.IntRange(2000, 2100), required=True, help="From 10 December before it.")
@click.option("--directory-published/--directory-not-published", "published", default=None)
@click.option("--difficulty", "difficulties", multiple=True, help="A line of part 2; repeat it.")
@click.option("--propose-new", "new", multiple=True, help="A proposal of part 3: new mailboxes.")
@click.option("--propose-change", "changes", multiple=True, help="A proposal of part 3: changes.")
@click.option("--propose-lock", "locks", multiple=True, help="A proposal of part 3: temporary locks.")
@click.option("--propose-removal", "removals", multiple=True, help="A proposal of part 3: removals.")
@_letterhead_options
@pass_shell
def yearly_report(
    shell: Shell,
    /,
    out: Path,
    agency: str,
    year: int,
    published: bool | None,
    difficulties: tuple[str, ...],
    new: tuple[str, ...],
    changes: tuple[str, ...],
    locks: tuple[str, ...],
    removals: tuple[str, ...],
    sign_with: Path | None,
    sign: bool,
    **head: Any,
) -> None:
    """An agency's yearly report on official mail; what only the agency knows stays open to be filled in."""
    with shell.services.database.reading() as session:
        register = Register.read(session)
    who = register.get(agency)
    above = register.parent(who)
    found = ask(shell, Scope(agency=agency), period(year)[1])
    letterhead = _letterhead(
        shell,
        **{
            **head,
            "agency_name": head["agency_name"] or who.name,
            "superior": head["superior"] or (above.name if above else ""),
            "number": head["number"] or f"/BC-{who.abbreviation.upper()}",
        },
    )
    answers = Answers(published, difficulties, new, changes, locks, removals)
    pdf = yearly_document(found, year=year, agency=who.name, letterhead=letterhead, answers=answers)
    out.write_bytes(_signed(shell, pdf, sign_with, letterhead, sealed=sign))
    _say_written(shell, out)


def _letterhead(
    shell: Shell,
    *,
    agency_name: str | None,
    superior: str | None,
    number: str | None,
    place: str | None,
    signer: str,
    capacity: tuple[str, ...],
    recipients: tuple[str, ...],
) -> Letterhead:
    authority = shell.services.settings.authority
    return Letterhead(
        agency=agency_name or authority.owner,
        superior=superior or "",
        number=number or "/BC",
        place=place or authority.state,
        day=day_of(shell.services.clock()),
        signature=Signature(capacity or ("THỦ TRƯỞNG CƠ QUAN",), signer),
        recipients=recipients or ("Lưu: VT",),
    )


def _signed(
    shell: Shell, pdf: bytes, sign_with: Path | None, letterhead: Letterhead, *, sealed: bool
) -> bytes:
    """The document, signed by an official and then sealed, where that was asked for."""
    if sign_with is not None:
        pdf = _signed_with(shell, pdf, sign_with, letterhead)
    if not sealed:
        return pdf
    from provisioner.stamping import seal_document  # noqa: PLC0415 - as below

    return seal_document(shell.services, pdf, place=letterhead.place)


def _signed_with(shell: Shell, pdf: bytes, sign_with: Path, letterhead: Letterhead) -> bytes:
    # Imported here, because it takes half a second that no other command should wait for.
    from provisioner.reports.pades import Signatory, signed  # noqa: PLC0415

    asked = Text(vi=f"Mật khẩu của {sign_with.name}", en=f"Password of {sign_with.name}")
    password = os.environ.get(_PASSWORD) or click.prompt(shell.text(asked), hide_input=True, err=True)
    now = shell.services.clock()
    signatory = Signatory.from_pkcs12(sign_with.read_bytes(), Secret(password), now=now)
    return signed(pdf, signatory, place=letterhead.place)


def _say_written(shell: Shell, out: Path) -> None:
    size = out.stat().st_size
    click.echo(shell.text(Text(vi=f"Đã ghi {out} ({size:,} byte).", en=f"Wrote {out} ({size:,} bytes).")))
