"""A province with real mail: its own slapd, Dovecot and Postfix, and fifty mailboxes in books and directory."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from tests.ldap_server import PASSWORD, SUFFIX
from tests.mail.town import Town

MAIL, ACTIVATION = Secret(secrets.token_urlsafe(16)), Secret(secrets.token_urlsafe(16))


@pytest.fixture(scope="session")
def mail_directory(server_folder: Path) -> Iterator[PrivateSlapd]:
    """A slapd of its own: its entries stay for all tests of mail."""
    with PrivateSlapd(
        server_folder / "mail-slapd",
        suffix=SUFFIX,
        service_password=PASSWORD,
        passwords={"mail": MAIL, "activation": ACTIVATION},
        durability="none",
    ) as server:
        yield server


@pytest.fixture(scope="session")
def town(server_folder: Path, mail_directory: PrivateSlapd, sqlite_template: Path) -> Iterator[Town]:
    """Fifty people and two units with mailboxes, passwords and running mail servers."""
    if os.geteuid() != 0:
        pytest.skip("Postfix runs as root only")
    folder = server_folder / "mail"
    folder.mkdir()
    books = folder / "books.db"
    shutil.copy(sqlite_template, books)
    with Town(folder, mail_directory, books=f"sqlite:///{books}", mail=MAIL, activation=ACTIVATION) as town:
        yield town
