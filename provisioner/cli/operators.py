"""`provisioner operators`: the first administrator, the others, their roles, and their ways in."""

from datetime import datetime
from typing import Any

import click
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.agencies.register import Register
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.days import end_of
from provisioner.mail.entering import official_behind
from provisioner.operators import links, naming
from provisioner.operators.models import Grant, LinkPurpose, Operator
from provisioner.operators.roles import NAMES, Role
from provisioner.secret import Secret

role_argument = click.argument("role", type=click.Choice([role.value for role in Role]))
agency_option = click.option("--agency", help="The agency's code; without it, the whole province.")
site_option = click.option("--site", help="The site's address, as browsers know it.")


@click.group()
def operators() -> None:
    """Who may use the site, and for which part of the province."""


@operators.command("bootstrap")
@click.option("--name", default="admin", show_default=True, help="The name to sign in with.")
@click.option("--full-name", default="Quản trị viên", show_default=True)
@site_option
@pass_shell
def bootstrap_(shell: Shell, name: str, full_name: str, site: str | None) -> None:
    """Make the first administrator and print the link by which they choose their password, once."""
    services = shell.services
    with services.database.transaction() as session:
        operator, token = links.bootstrap(
            session, name, full_name, sealer=services.sealer, now=services.clock()
        )
        click.echo(f"{operator.name}: {link_address(shell, token, site)}")


@operators.command("add")
@click.argument("name")
@click.option("--full-name", required=True)
@by
@pass_shell
def add_(shell: Shell, name: str, full_name: str, by: str) -> None:
    """Add an operator without any role."""
    services = shell.services
    with services.database.transaction() as session:
        operator = naming.name_operator(session, name, full_name, by=by, now=services.clock())
        click.echo(f"{operator.name} added; next: provisioner operators grant {operator.name} ROLE")


@operators.command("grant")
@click.argument("name")
@role_argument
@agency_option
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day; without it, for good.")
@pass_shell
def grant_(shell: Shell, name: str, role: str, agency: str | None, until: datetime | None) -> None:
    """Give NAME a role, for an agency and all below it."""
    services = shell.services
    with services.database.transaction() as session:
        operator = naming.find_operator(session, name)
        where = session.get(Agency, Register.read(session).get(agency).id) if agency else None
        end = end_of(until.date()) if until else None  # typed without a zone
        naming.grant(session, operator, Role(role), where, by=None, now=services.clock(), until=end)


@operators.command("withdraw")
@click.argument("name")
@role_argument
@agency_option
@pass_shell
def withdraw_(shell: Shell, name: str, role: str, agency: str | None) -> None:
    """Take a role back."""
    services = shell.services
    with services.database.transaction() as session:
        operator = naming.find_operator(session, name)
        where = session.get(Agency, Register.read(session).get(agency).id) if agency else None
        naming.withdraw(session, operator, Role(role), where, by=None, now=services.clock())


@operators.command("link")
@click.argument("name")
@click.option("--sign-in", is_flag=True, help="Sign in once instead of choosing a password.")
@site_option
@by
@pass_shell
def link_(shell: Shell, name: str, sign_in: bool, site: str | None, by: str) -> None:
    """Print a link that works once, within 24 hours; an earlier one stops working."""
    services = shell.services
    purpose = LinkPurpose.SIGN_IN if sign_in else LinkPurpose.SET_UP
    with services.database.transaction() as session:
        operator = naming.find_operator(session, name)
        token = links.make_link(
            session, operator, purpose, by=by, sealer=services.sealer, now=services.clock()
        )
        click.echo(f"{operator.name}: {link_address(shell, token, site)}")


@operators.command("tie")
@click.argument("name")
@click.argument("address", required=False)
@by
@pass_shell
def tie_(shell: Shell, name: str, address: str | None, by: str) -> None:
    """NAME is the official with the mailbox ADDRESS, and may sign in with it; without one, no longer."""
    services = shell.services
    with services.database.transaction() as session:
        person = official_behind(session, address) if address else None
        naming.tie(session, naming.find_operator(session, name), person, by=by, now=services.clock())


@operators.command("identify")
@click.argument("name")
@click.argument("subject", required=False)
@by
@pass_shell
def identify_(shell: Shell, name: str, subject: str | None, by: str) -> None:
    """NAME is SUBJECT to the province's single sign-on (its `sub`); without one, nobody any more."""
    services = shell.services
    with services.database.transaction() as session:
        naming.identify(session, naming.find_operator(session, name), subject, by=by, now=services.clock())


@operators.command("contact")
@click.argument("name")
@click.argument("address", required=False)
@by
@pass_shell
def contact_(shell: Shell, name: str, address: str | None, by: str) -> None:
    """NAME is written to at ADDRESS while they have no mailbox here; without one, nowhere."""
    services = shell.services
    with services.database.transaction() as session:
        naming.reach_at(session, naming.find_operator(session, name), address, by=by, now=services.clock())


@operators.command("disable")
@click.argument("name")
@by
@pass_shell
def disable_(shell: Shell, name: str, by: str) -> None:
    """Shut NAME out at once; what they did stays in the audit trail."""
    services = shell.services
    with services.database.transaction() as session:
        naming.disable(session, naming.find_operator(session, name), by=by, now=services.clock())


@operators.command("enable")
@click.argument("name")
@by
@pass_shell
def enable_(shell: Shell, name: str, by: str) -> None:
    """Let NAME in again."""
    services = shell.services
    with services.database.transaction() as session:
        naming.enable(session, naming.find_operator(session, name), by=by, now=services.clock())


@operators.command("list")
@as_json
@pass_shell
def list_(shell: Shell, as_json: bool) -> None:
    """All operators with their roles."""
    told = _told(shell)
    if as_json:
        print_json(told)
        return
    print_table(
        ["name", "full name", "roles", "state"],
        [[one["name"], one["full_name"], ", ".join(one["roles"]), one["state"]] for one in told],
    )


def link_address(shell: Shell, token: Secret, site: str | None = None) -> str:
    """Where a one-time link leads."""
    return f"{(site or shell.services.settings.notices.site).rstrip('/')}/link/{token.reveal()}"


def _told(shell: Shell) -> list[dict[str, Any]]:
    with shell.services.database.reading() as session:
        grants = session.execute(
            select(Grant.operator_id, Grant.role, Agency.code)
            .outerjoin(Agency, Agency.id == Grant.agency_id)
            .order_by(Grant.id)
        ).all()
        return [
            {
                "name": operator.name,
                "full_name": operator.full_name,
                "contact": operator.contact_email,
                "roles": [
                    f"{shell.text(NAMES[row.role])} ({row.code or '*'})"
                    for row in grants
                    if row.operator_id == operator.id
                ],
                "state": "disabled"
                if operator.disabled_at
                else "ready"
                if operator.password_hash
                else "not set up",
            }
            for operator in session.scalars(select(Operator).order_by(Operator.name))
        ]
