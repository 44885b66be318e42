"""Notices on the command line: what waits, what was refused, and trying again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from provisioner.db import Database
from provisioner.notices.models import Letter
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason
from provisioner.private.process import free_port
from tests.cli.console import Provisioner, told


def test_what_waits_is_counted_and_what_was_refused_is_tried_again(
    database: Database, installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    values: dict[str, str | int] = {"document": "1", "agency": "Sở", "by": "chi", "why": "sai mẫu"}
    with database.transaction() as session:
        queue(session, Reason.REQUEST_RETURNED, [Matter("request:1", ["a@x.vn", "b@x.vn"], values)], now=now)

    without = provisioner("notices", "send").stdout
    assert "Nothing is sent" in provisioner("notices", "status").stdout
    monkeypatch.setenv("PROVISIONER_NOTICES__SERVER", f"smtp://127.0.0.1:{free_port()}")
    down = provisioner("notices", "send", status=1)
    waiting = told(provisioner("notices", "status", "--json"))
    with database.transaction() as session:
        session.execute(
            update(Letter)
            .where(Letter.recipient == "b@x.vn")
            .values(trouble="letter-refused", trouble_detail="550")
        )
    refused = told(provisioner("notices", "refused", "--json"))
    again = provisioner("notices", "retry", "--by", "lan").stdout

    assert "0 letters sent" in without
    assert "mail-server-unavailable" in down.stderr
    assert (waiting["queued"], waiting["unsent"], waiting["sent"]) == (0, 2, 0)
    assert refused == [{"recipient": "b@x.vn", "said": "550"}]
    assert "1 letters are tried again" in again
    assert told(provisioner("notices", "status", "--json"))["refused"] == 0
