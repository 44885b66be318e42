"""Books that are ready for a fault: agencies, an authority, and a roster that two people have agreed on.

Made once for a kind of database and a number of rows; every case works on a copy of its own.
"""

import csv
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.agencies.importing import import_agencies
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.demo.officials import write_roster
from provisioner.demo.province import AGENCIES
from provisioner.private.postgres import PrivatePostgres
from provisioner.rosters import approving
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.tables import metadata

AGENCY_COUNT = 40

Sections = Mapping[str, Mapping[str, Any]]
"""Settings by section and name."""

SECRETS: Sections = {
    "authority": {"passphrase": secrets.token_hex(16)},
    "identity": {"keys": f"1:{secrets.token_hex(32)}"},
}


@dataclass(frozen=True, slots=True)
class Province:
    """Approved books on one kind of database, to be copied."""

    folder: Path
    postgres: PrivatePostgres | None
    rows: int
    plan_id: int

    @classmethod
    def make(cls, folder: Path, postgres: PrivatePostgres | None, *, rows: int) -> "Province":
        """Load agencies, hold the ceremony, plan a roster of so many rows and have it approved."""
        folder.mkdir(parents=True)
        if postgres is None:
            url = f"sqlite:///{folder}/books.db"
        else:
            name = folder.name.replace("-", "_")
            postgres.start().drop_database(name)
            url = postgres.create_database(name)
        services = Services(
            settings({"database": {"url": url}, "authority": {"folder": folder / "authority"}}),
            ring=lambda _bell: None,
        )
        metadata.create_all(services.database.engine)
        plan_id = _prepare(services, folder, rows)
        services.close()
        return cls(folder, postgres, rows, plan_id)

    def copy(self, folder: Path) -> Sections:
        """The settings of a fresh copy of these books and of their authority."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.folder / "authority", folder / "authority")
        if self.postgres is None:
            shutil.copy(self.folder / "books.db", folder / "books.db")
            url = f"sqlite:///{folder}/books.db"
        else:
            name = f"case_{secrets.token_hex(4)}"
            url = self.postgres.start().create_database(name, template=self.folder.name.replace("-", "_"))
        return {"database": {"url": url}, "authority": {"folder": folder / "authority"}}


def settings(*given: Sections) -> Settings:
    """The product's settings with these on top, and with the secrets of this run."""
    return Settings.load(**merged(SECRETS, *given))


def merged(*given: Sections) -> dict[str, dict[str, Any]]:
    together: dict[str, dict[str, Any]] = {}
    for sections in given:
        for section, values in sections.items():
            together.setdefault(section, {}).update(values)
    return together


def _prepare(services: Services, folder: Path, rows: int) -> int:
    now = services.clock()
    agencies = folder / "agencies.csv"
    _write_agencies(agencies)
    with services.database.transaction() as session:
        imported = import_agencies(
            session,
            agencies.read_bytes(),
            reference=services.reference,
            who=Who("an"),
            today=now.date(),
            now=now,
        )
    assert (imported.created, imported.problems) == (AGENCY_COUNT, [])
    hold_ceremony(services, by="an")
    roster = folder / "roster.csv"
    write_roster(roster, rows=rows, agencies=agencies)
    content = roster.read_bytes()
    reading = read_roster(content, filename=roster.name, today=now.date())
    plan_id = plan(
        services.database, reading, Upload(roster.name, content, None, "an"), services.rules, now=now
    )
    with services.database.transaction() as session:
        planned = approving.get_plan(session, plan_id)
        assert planned.counts == {"create": rows}
        approving.approve(session, plan_id, digest=planned.digest, by="binh", now=now)
    return plan_id


def _write_agencies(path: Path) -> None:
    """The first agencies of the sample province; parents stand before their children there."""
    with AGENCIES.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        chosen = [row for row, _ in zip(reader, range(AGENCY_COUNT), strict=False)]
    codes = {row["ma_co_quan"] for row in chosen}
    assert all(row["ma_cha"] in codes | {""} for row in chosen)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(chosen)
