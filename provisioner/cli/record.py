"""`provisioner ca prove`, `checkpoint`, `export-log`, `verify-record`: the record of issuance, for whoever asks."""

import json
import os
from pathlib import Path

import click

from provisioner.certificates.recording import lines_of
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_proof import (
    answer_about,
    differences,
    growth_since,
    newest,
    signed_leaves,
)
from provisioner.cli.authority_revocations import authority
from provisioner.cli.shell import Shell, as_json, pass_shell, print_json
from provisioner.errors import Conflict, Text
from provisioner.services import Services
from provisioner.signing import journal_folder

__all__ = ["authority"]


@authority.command()
@click.argument("serial")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file, instead of the screen."
)
@pass_shell
def prove(shell: Shell, serial: str, out: Path | None) -> None:
    """All that the record says of the certificate SERIAL, with the proofs that it stands there, in JSON.

    Whoever gets it checks it without us: python verify_log.py serial --key KEY FILE. KEY is what
    `provisioner ca checkpoint --key` prints, and should come from elsewhere than the answer.
    """
    with shell.services.database.reading() as session:
        answer = answer_about(session, serial.lower().replace(":", "").lstrip("0"))
    _give(json.dumps(answer, ensure_ascii=False, indent=2) + "\n", out)


@authority.command()
@click.option(
    "--since",
    type=click.IntRange(0, 2**63 - 1),
    metavar="SIZE",
    help="The proof that it only grew since then.",
)
@click.option("--key", is_flag=True, help="The key to verify checkpoints with.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="A new file, instead of the screen."
)
@pass_shell
def checkpoint(shell: Shell, since: int | None, key: bool, out: Path | None) -> None:
    """The newest signed checkpoint of the record: keep it off this machine, and the past cannot be changed.

    SIZE is the second line of an earlier checkpoint: python verify_log.py consistency --key KEY OLD NEW PROOF.
    """
    with shell.services.database.reading() as session:
        if since is not None:
            said = growth_since(session, since)
        else:
            head = newest(session)
            said = f"{head.verifier_key}\n" if key else head.checkpoint or ""
    _give(said, out)


@authority.command("export-log")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_shell
def export_log(shell: Shell, file: Path) -> None:
    """Write every leaf under the newest checkpoint into FILE, and the checkpoint beside it.

    For: python verify_log.py whole --key KEY FILE.checkpoint FILE
    """
    with shell.services.database.reading() as session:
        head = newest(session)
        _give("".join(lines_of([leaf]).decode() for leaf in signed_leaves(session, head)), file)
    beside = file.with_name(f"{file.name}.checkpoint")
    _give(head.checkpoint or "", beside)
    click.echo(f"{head.size:,} leaves in {file}, the checkpoint in {beside}")


@authority.command("verify-record")
@click.option("--key", help="Your own copy of the key; without it the books are taken at their word.")
@as_json
@pass_shell
@click.pass_context
def verify_record(context: click.Context, shell: Shell, key: str | None, as_json: bool) -> None:
    """Compare the record with its checkpoint, with the books and with the signer's disk; exit 1 where they differ.

    A row that was changed or taken out of the database is named. Without a look at the signer's disk, from
    another machine, the rest is compared.
    """
    services = shell.services
    on_disk = _on_disk(services)
    with services.database.reading() as session:
        found = list(
            differences(session, now=services.clock(), verifier_key=key and key.strip(), on_disk=on_disk)
        )
        size = None if found else newest(session).size
    if as_json:
        told = [
            {"code": d.code, "issuer": d.issuer, "serial": d.serial, "said": shell.text(d.text)}
            for d in found
        ]
        print_json({"leaves": size, "disk": on_disk is not None, "differences": told})
    else:
        for difference in found:
            where = " ".join(filter(None, (difference.issuer, difference.serial)))
            click.echo(
                f"{where + ': ' if where else ''}{shell.text(difference.text)} [{difference.code}]", err=True
            )
        disk = "" if on_disk is not None else "; the signer's disk is not in this process's reach"
        click.echo(f"{len(found):,} differences{disk}" if found else f"{size:,} leaves, and all agree{disk}")
    if found:
        context.exit(1)


def _on_disk(services: Services) -> bytes | None:
    """The leaves on the signer's disk; None where this process may not read them."""
    folder = journal_folder(services.settings)
    if not os.access(folder / RecordFile.LEAVES, os.R_OK):
        return None
    return RecordFile(folder).read()


def _give(said: str, out: Path | None) -> None:
    if out is None:
        click.echo(said, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            file.write(said)
    except OSError as error:
        raise Conflict(
            Text(vi=f"Không ghi được {out}: {error.strerror}.", en=f"Cannot write {out}: {error.strerror}."),
            code="file-unusable",
        ) from error
