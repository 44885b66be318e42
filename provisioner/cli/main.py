"""The command `provisioner` and its groups."""

import os
import sys
from importlib import import_module
from types import ModuleType

import click

from provisioner.cli.shell import Commands, Shell
from provisioner.collecting import importing

_DOORS = {
    "agencies": "agencies:agencies",
    "ca": "audit:authority",
    "certificates": "revocations:certificates",
    "coverage": "coverage:coverage",
    "db": "books:database",
    "demo": "demo:demo",
    "directory": "directory:directory",
    "doctor": "doctor:doctor",
    "foreign": "foreign:foreign",
    "mail": "mail:mail",
    "notices": "notices:notices",
    "operators": "operators:operators",
    "people": "people:people",
    "quota": "quota:quota",
    "report": "reports:report",
    "revocations": "revocations:revocations",
    "roster": "rosters:roster",
    "token": "token:token",
    "work": "work:work",
}
"""The module of this package that holds a command, and its name there. One that others add to is had from the last."""


class _Doors(Commands):
    """Commands that are loaded when they are called: all together they take longer than most of them work."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - what click passes
        return sorted(_DOORS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _DOORS:
            return None
        module, _, name = _DOORS[cmd_name].partition(":")
        command: click.Command = getattr(_loaded(f"provisioner.cli.{module}"), name)
        return command


def _loaded(module: str) -> ModuleType:
    """The module; what it brings is set aside once, when it is imported, and not at every look at its commands."""
    if (known := sys.modules.get(module)) is not None:
        return known
    with importing():
        return import_module(module)


def _language() -> str:
    return "vi" if os.environ.get("LANG", "").startswith("vi") else "en"


@click.group(cls=_Doors)
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
