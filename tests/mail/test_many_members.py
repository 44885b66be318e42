"""A list of 60,000 members on a real directory and a real Postfix: slow, and so only when asked for."""

import json
import os
import secrets
import smtplib
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from provisioner.demo.mail import MailStage, mail_stage
from provisioner.directory.entries import AgencyFacts, ListFacts, MailboxFacts, list_entry, mailbox_entry
from provisioner.directory.port import Entry, Outcome, Wish
from provisioner.lists.models import Audience, Senders
from provisioner.mailboxes.models import Kind, Status
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from tests.ldap_server import PASSWORD, SUFFIX, directory_on
from tests.mail.town import until
from tests.province import DIT, GB

MEMBERS, AGENCIES = 60_000, 120
DOMAIN = "lamdong.gov.vn"


def an_agency(number: int | None) -> AgencyFacts:
    code = "H36" if number is None else f"H36.{number:03}"
    path = ("H36",) if number is None else ("H36", code)
    return AgencyFacts(secrets.token_hex(16), code, path, f"Cơ quan {code}", "nha_nuoc", "tinh")


def a_person(number: int, agency: AgencyFacts) -> Entry:
    return mailbox_entry(
        MailboxFacts(
            account_id=f"{number:032x}",
            kind=Kind.PERSONAL,
            status=Status.ACTIVE,
            quota_bytes=4 * GB,
            name="Nguyễn Thị Ánh",
            family="Nguyễn",
            given="Ánh",
            staff_number=None,
            phone=None,
            title=None,
            is_leader=number % 100 < 1,
            agency=agency,
            belongs=True,
            address=f"anhnt{number}@{DOMAIN}",
            aliases=(),
            certificates=(),
        ),
        DIT,
    )


def a_list(name: str, audience: Audience, agency: AgencyFacts | None) -> Entry:
    bloc = None if agency else "nha_nuoc"
    return list_entry(
        ListFacts(secrets.token_hex(16), f"{name}@{DOMAIN}", audience, Senders.ANYONE, agency, bloc), DIT
    )


@dataclass(frozen=True)
class Province:
    slapd: PrivateSlapd
    stage: MailStage

    def asks(self, name: str) -> list[str]:
        """What Postfix is told of an address, one step."""
        table = f"proxy:ldap:{self.stage.postfix.configuration}/aliases.cf"
        return self.stage.postfix.lookup(f"{name}@{DOMAIN}", table).split(",")

    def waiting(self) -> int:
        """How many recipients wait in the queue."""
        listed = subprocess.run(
            ["postqueue", "-c", str(self.stage.postfix.configuration), "-j"],
            capture_output=True,
            text=True,
            check=True,
        )
        return sum(len(json.loads(line)["recipients"]) for line in listed.stdout.splitlines())


@pytest.fixture(scope="module")
def province(server_folder: Path) -> Iterator[Province]:
    if os.geteuid() != 0:
        pytest.skip("Postfix runs as root only")
    mail, folder = Secret(secrets.token_urlsafe(16)), server_folder / "many"
    folder.mkdir()
    slapd = PrivateSlapd(
        folder / "slapd",
        suffix=SUFFIX,
        service_password=PASSWORD,
        passwords={"mail": mail},
        durability="none",
    )
    root, *others = agencies = [an_agency(None), *(an_agency(number) for number in range(AGENCIES))]
    lists = [a_list("tatca.ubnd", Audience.ALL, root), a_list("lanhdao.ubnd", Audience.LEADERS, root)]
    lists += [a_list(f"tatca.{agency.code}", Audience.ALL, agency) for agency in others]
    lists += [a_list(f"canbo.{agency.code}", Audience.OWN, agency) for agency in agencies]
    lists += [a_list("tatca.khoinhanuoc", Audience.ALL, None)]
    people = [a_person(number, others[number % AGENCIES]) for number in range(MEMBERS)]
    entries = [*lists, *people]
    with slapd, closing(directory_on(slapd, timeout=60)) as directory:
        for at in range(0, len(entries), 1000):
            answers = directory.put([Wish(entry) for entry in entries[at : at + 1000]])
            assert {answer.outcome for answer in answers} == {Outcome.DONE}
        with mail_stage(
            folder / "servers",
            directory_url=slapd.url,
            dit=DIT,
            password=mail,
            domains=(DOMAIN,),
            fallback_quota=4 * GB,
        ) as stage:
            stage.dovecot.stop()  # what is sent stays in the queue and is counted there
            yield Province(slapd, stage)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tatca.ubnd", "tatca.khoinhanuoc"])
def test_a_letter_to_60_000_members_is_taken_and_addressed_to_each(province: Province, name: str) -> None:
    before, began = province.waiting(), time.monotonic()

    with smtplib.SMTP("127.0.0.1", int(province.stage.facts.ports.smtp), timeout=600) as client:
        client.sendmail("citizen@example.org", [f"{name}@{DOMAIN}"], "Subject: x\r\n\r\nx\r\n")
    took = time.monotonic() - began
    peak = _peak_memory("cleanup")
    print(f"\n{name}: 60,000 recipients in {took:.1f} s, cleanup used {peak} MB")

    # Lists without members, which are parts of this one, are thrown away in a moment.
    assert until(lambda: province.waiting() - before == MEMBERS, within=120)
    assert took < 300  # SMTP clients wait ten minutes (RFC 5321, 4.5.3.2.6)


@pytest.mark.slow
def test_a_list_of_many_asks_for_lists_and_a_list_of_leaders_for_people(province: Province) -> None:
    assert len(province.asks("tatca.ubnd")) == AGENCIES
    assert len(province.asks("tatca.H36.005")) == MEMBERS // AGENCIES
    assert len(province.asks("lanhdao.ubnd")) == MEMBERS // 100


def _peak_memory(program: str) -> int:
    """The most memory that a running program of this name has had, in MB."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        if fields["Name"].strip() == program:
            most = max(most, int(fields["VmHWM"].split()[0]) // 1024)
    return most
