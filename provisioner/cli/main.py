"""The command `provisioner` and its groups."""

import os

import click

from provisioner.cli.agencies import agencies
from provisioner.cli.audit import authority
from provisioner.cli.books import database
from provisioner.cli.certificates import certificates
from provisioner.cli.coverage import coverage
from provisioner.cli.demo import demo
from provisioner.cli.directory import directory
from provisioner.cli.doctor import doctor
from provisioner.cli.foreign import foreign
from provisioner.cli.mail import mail
from provisioner.cli.notices import notices
from provisioner.cli.operators import operators
from provisioner.cli.quota import quota
from provisioner.cli.reports import report
from provisioner.cli.revocations import revocations
from provisioner.cli.rosters import roster
from provisioner.cli.shell import Commands, Shell
from provisioner.cli.token import token
from provisioner.cli.work import work


def _language() -> str:
    return "vi" if os.environ.get("LANG", "").startswith("vi") else "en"


@click.group(cls=Commands)
@click.option(
    "--lang",
    type=click.Choice(["vi", "en"]),
    default=_language,
    envvar="PROVISIONER_LANG",
    help="Language of what is printed for people.",
)
@click.version_option(package_name="congvu-provisioner")
@click.pass_context
def main(context: click.Context, lang: str) -> None:
    """Official mailboxes and signing certificates: from a roster to LDAP, certificates and coverage."""
    context.obj = Shell(lang)
    context.call_on_close(context.obj.close)


for command in (
    agencies,
    authority,
    certificates,
    coverage,
    database,
    demo,
    directory,
    doctor,
    foreign,
    mail,
    notices,
    operators,
    revocations,
    quota,
    report,
    roster,
    token,
    work,
):
    main.add_command(command)
