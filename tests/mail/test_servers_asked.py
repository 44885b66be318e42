"""Whether the mail servers answer, as the doctor asks them: by their greeting, over a TLS that is verified."""

from pathlib import Path
from typing import Any

import pytest

from provisioner.cli.mail_standing import imap, lmtp, smtp, takes_letters
from provisioner.errors import Misconfigured, Unavailable
from provisioner.private.process import free_port
from provisioner.services import Services
from provisioner.settings import Settings
from tests.mail.town import Town


def a_process(**sections: dict[str, Any]) -> Services:
    loaded = Settings.load()
    changed = {name: {**getattr(loaded, name).model_dump(), **values} for name, values in sections.items()}
    return Services(Settings.load(**changed))


def test_each_server_of_the_town_answers(town: Town) -> None:
    ports, queue = town.stage.facts.ports, town.stage.facts.places.postfix_queue
    services = a_process(
        mail={
            "imap": f"imaps://localhost:{ports.imaps}",
            "lmtp": f"lmtp://{queue}/private/dovecot-lmtp",
            "smtp": f"smtp://127.0.0.1:{ports.smtp}",
        },
        notices={
            "server": f"submission://localhost:{ports.submission}",
            "tls_ca_file": str(town.stage.facts.certificate),
        },
    )

    assert "answers: * OK" in imap(services)
    assert "answers: 220" in lmtp(services)
    assert "answers: 220 localhost ESMTP" in smtp(services)
    assert takes_letters(services).endswith("answers")


def test_what_is_not_configured_is_said_and_is_no_fault() -> None:
    services = a_process()

    assert [ask(services) for ask in (imap, lmtp, smtp)] == [
        "not configured (mail.imap)",
        "not configured (mail.lmtp)",
        "not configured (mail.smtp)",
    ]
    assert takes_letters(services).startswith("not configured (notices.server)")


def test_a_server_that_is_away_is_another_one_or_has_a_strange_certificate_does_not_answer(
    town: Town, tmp_path: Path
) -> None:
    ports, away = town.stage.facts.ports, free_port()
    services = a_process(
        mail={
            "imap": f"imaps://localhost:{ports.imaps}",
            "lmtp": f"lmtp://{tmp_path}/none",
            "smtp": f"smtp://127.0.0.1:{away}",
        },
        notices={"server": f"smtp://127.0.0.1:{away}"},
    )
    strange = a_process(mail={"smtp": f"smtp://127.0.0.1:{ports.imaps}"})

    for ask, asked in ((imap, services), (lmtp, services), (smtp, services), (smtp, strange)):
        with pytest.raises(Unavailable, match="does not answer"):
            ask(asked)
    with pytest.raises(Unavailable):
        takes_letters(services)
    with pytest.raises(Misconfigured, match=r"mail\.imap"):
        a_process(mail={"imap": "imap://mail.lamdong.gov.vn"})
