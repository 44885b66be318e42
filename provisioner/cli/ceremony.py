"""`provisioner ca init`, `ceremony`, `seal` and `resume`: making the authorities' keys, and trying them again."""

from datetime import UTC
from pathlib import Path

import click

from ca.ceremony import Ceremony, load_ceremony
from provisioner.audit import Who
from provisioner.ceremonies import Rehearsed, hold_ceremony, rehearse_ceremony, write_record
from provisioner.cli.authority import authority
from provisioner.cli.certificates import new_private_file
from provisioner.cli.shell import Shell, by, pass_shell, print_table
from provisioner.errors import Text
from provisioner.signing import resume_authorities

__all__ = ["authority"]


@authority.command()
@by
@pass_shell
def init(shell: Shell, by: str) -> None:
    """Hold the ceremony that the settings describe, without a record: for a trial."""
    _print_fingerprints(hold_ceremony(shell.services, by=by))


@authority.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show and lint what would be made, and make nothing.")
@click.option(
    "--record",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the record (biên bản) goes, as a new PDF file; below the authority's folder when left out.",
)
@by
@pass_shell
def ceremony(shell: Shell, file: Path, dry_run: bool, record: Path | None, by: str) -> None:
    """Hold the ceremony that FILE describes: make what is missing, and the record of it.

    FILE is TOML, like config/ceremony.example.toml. Every key, certificate and list is linted with throw-away
    keys first. A roll-over is a ceremony too: its file has one authority more.
    """
    services = shell.services
    read = load_ceremony(file)
    described = read.plan.describe()
    click.echo(shell.text(Text(vi=described.vi, en=described.en)))
    click.echo(f"{file.name}: SHA-256 {read.sha256}\n")
    rehearsed = rehearse_ceremony(services, read.plan)
    _print_rehearsal(shell, rehearsed)
    missing = [each.label for each in rehearsed if not each.stands]
    if dry_run:
        said = Text(
            vi=f"Thử: không tạo gì cả; sẽ tạo {len(missing)} khóa và chứng thư.",
            en=f"A rehearsal: nothing was made; {len(missing)} keys and certificates would be.",
        )
        click.echo(shell.text(said))
        return
    began = services.clock()
    held = hold_ceremony(services, read.plan, by=by)
    _print_fingerprints(held)
    if not missing and record is None:
        said = Text(
            vi="Không có khóa hay chứng thư nào phải tạo; danh sách thu hồi đến hạn thì đã được ký lại.",
            en="There was nothing to make; revocation lists that were due were signed anew.",
        )
        click.echo(shell.text(said))
        return
    folder = services.settings.authority.folder / "ceremonies"
    path = record or folder / f"{began.astimezone(UTC):%Y%m%dT%H%M%SZ}.pdf"
    _write_record(shell, path, write_record(services, read, held, made=missing, began=began))


@authority.command()
@click.argument("address")
@by
@pass_shell
def seal(shell: Shell, address: str, by: str) -> None:
    """Order the province's seal: a document certificate of the agency whose mailbox ADDRESS is.

    Its key is made beside the authorities' keys and stays there; `provisioner report coverage --sign` uses it.
    """
    # Imported here: signing PDF takes half a second to load that no other command should wait for.
    from provisioner.stamping import order_seal  # noqa: PLC0415

    click.echo(f"{order_seal(shell.services, address, by=by)}: ordered for {address}")


@authority.command()
@by
@pass_shell
def resume(shell: Shell, by: str) -> None:
    """Try the token's PIN again after it was refused, once, and let the paused authorities go on.

    Check the PIN before: a few wrong ones lock a token for good.
    """
    count = resume_authorities(shell.services, who=Who(by))
    click.echo(f"{count:,} authorities go on")


def _print_rehearsal(shell: Shell, rehearsed: list[Rehearsed]) -> None:
    stands, new = Text(vi="đã có", en="stands"), Text(vi="sẽ tạo", en="to be made")
    print_table(
        ["", "label", "name", "profile", "from", "to", "lint"],
        [
            [
                shell.text(stands if each.stands else new),
                each.label,
                each.subject,
                each.profile,
                f"{each.not_before:%Y-%m-%d}",
                f"{each.not_after:%Y-%m-%d}",
                ", ".join(finding.code for finding in each.findings) or "ok",
            ]
            for each in rehearsed
        ],
    )


def _print_fingerprints(held: Ceremony) -> None:
    for label, fingerprint in held.fingerprints().items():
        click.echo(f"{label}: {fingerprint.lower()}")


def _write_record(shell: Shell, path: Path, pdf: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with new_private_file(path) as out:
        out.write(pdf)
    click.echo(shell.text(Text(vi=f"Biên bản: {path}", en=f"The record: {path}")))
