"""Private Dovecot and Postfix: they start, end, come back on their ports and are never left behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ldap_schema.dit import Dit
from provisioner.demo.mail import MailStage, mail_stage
from provisioner.private.dovecot import listens
from provisioner.secret import Secret
from tests.ldap_server import SUFFIX
from tests.mail.town import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix runs as root only")

NO_DIRECTORY = "ldap://127.0.0.1:1"
"""Servers start without a directory; they only find nobody."""

START_AND_WAIT = """
import sys, time
from pathlib import Path
from tests.private.test_mail import a_stage
stage = a_stage(Path(sys.argv[1])).start()
print(stage.facts.ports.smtp, stage.facts.ports.imaps, flush=True)
time.sleep(60)
"""


def a_stage(folder: Path) -> MailStage:
    return mail_stage(
        folder,
        directory_url=NO_DIRECTORY,
        dit=Dit(SUFFIX),
        password=Secret("w0rd-for-tests"),
        domains=("lamdong.gov.vn",),
        fallback_quota=4 << 30,
    )


@pytest.fixture
def stage(server_folder: Path, tmp_path: Path) -> Iterator[MailStage]:
    made = a_stage(server_folder / tmp_path.name)
    yield made
    made.stop()


def masters(folder: Path) -> list[int]:
    """Processes that run with a configuration below this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])  # those that end meanwhile are passed over
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(str(folder) in part for part in process.info["cmdline"] or [])
    ]


def test_they_stop_crash_and_come_back_on_their_ports(stage: MailStage) -> None:
    smtp, imaps = int(stage.facts.ports.smtp), int(stage.facts.ports.imaps)
    stage.start()
    stage.stop()
    assert not listens(smtp)
    assert not listens(imaps)

    stage.start()
    stage.postfix.kill()
    stage.dovecot.kill()
    assert until(lambda: not listens(smtp) and not listens(imaps), within=10)
    stage.start()

    assert listens(smtp)
    assert listens(imaps)
    assert stage.postfix.waiting() == 0


def test_they_end_when_whoever_started_them_is_killed(server_folder: Path, tmp_path: Path) -> None:
    folder = server_folder / tmp_path.name
    starter = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert starter.stdout is not None
    smtp, imaps = map(int, starter.stdout.readline().split())
    assert listens(smtp)
    assert masters(folder)

    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()

    # Daemons that were idle hold the ports until they notice.
    assert until(lambda: not (masters(folder) or listens(smtp) or listens(imaps)), within=20)
