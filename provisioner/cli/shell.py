"""What every command shares: the services, two languages, JSON where a program reads, errors as sentences."""

import csv
import getpass
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click
from rich.console import Console
from rich.table import Table

from ca.errors import CaError
from provisioner.cli.mishaps import as_sentence
from provisioner.errors import Invalid, ProvisionerError, Text
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.services import Services

console = Console(highlight=False, width=1000)
# As wide as the longest row: a cut-off fingerprint or address is worse than a wrapped line.


class Shell:
    """The state of one call: in which language, and the services once a command needs them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._services: Services | None = None

    @property
    def services(self) -> "Services":
        if self._services is None:
            # Imported here: `--help` and whoever asks for it needs none of it, and it is most of the product.
            from provisioner.services import Services  # noqa: PLC0415

            self._services = Services(Settings.load())
        return self._services

    def close(self) -> None:
        if self._services is not None:
            self._services.close()

    def text(self, text: Text) -> str:
        return text.in_language(self.language)


pass_shell = click.make_pass_decorator(Shell)

as_json = click.option("--json", "as_json", is_flag=True, help="For programs: one JSON document.")

row_number = click.IntRange(1, 2**31 - 1)
"""A number that a row may have: PostgreSQL's integers end there."""

LONGEST_NAME = 120


def acting(_context: click.Context, _option: click.Parameter, written: str) -> str:
    """Who does this, as every deed is signed: composed, in lower case and with single spaces.

    So no spelling of a name passes for a second person, as with the names of operators. Raises `Invalid` for what
    is no name.
    """
    name = " ".join(unicodedata.normalize("NFC", written).split()).lower()
    if not name.isprintable() or not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(
            Text(
                vi=f"--by phải là tên người thực hiện: từ 1 đến {LONGEST_NAME} ký tự, không có ký tự ẩn.",
                en=f"--by is the name of whoever does this: 1 to {LONGEST_NAME} characters, none of them invisible.",
            ),
            code="name-unusable",
        )
    return name


by = click.option(
    "--by",
    callback=acting,
    default=lambda: os.environ.get("PROVISIONER_OPERATOR") or getpass.getuser(),
    show_default="you",
    help="Who does this.",
)


class Commands(click.Group):
    """A group that turns our errors into one sentence and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (ProvisionerError, CaError) as error:
            _tell(ctx, error)
        except (OSError, csv.Error) as error:
            told = as_sentence(error)
            if told is None:
                raise
            _tell(ctx, told)


def _tell(ctx: click.Context, error: ProvisionerError | CaError) -> NoReturn:
    shell = ctx.find_object(Shell)
    language = shell.language if shell else "en"
    sentence = error.text.vi if language == "vi" else error.text.en
    click.echo(f"provisioner: {sentence} [{error.code}]", err=True)
    ctx.exit(1)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> None:
    """A plain table; the columns of `right` are figures."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, header in enumerate(headers):
        table.add_column(header, justify="right" if position in right else "left")
    for row in rows:
        table.add_row(*(str(cell) if cell is not None else "" for cell in row))
    console.print(table)


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "nothing"
