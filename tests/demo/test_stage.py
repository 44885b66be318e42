"""The demo's processes: what each may know, and a mail server only where one is."""

from pathlib import Path

from provisioner.demo.stage import Stage

SERVER = "PROVISIONER_NOTICES__SERVER"
PASSPHRASE = "PROVISIONER_AUTHORITY__PASSPHRASE"


def test_only_the_signer_knows_the_passphrase(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")

    assert stage.environment_of("signer")[PASSPHRASE]
    assert [stage.environment_of(name)[PASSPHRASE] for name in ("web", "worker-1", "clock")] == ["", "", ""]


def test_a_mail_server_is_set_once_there_is_one(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "demo")
    assert stage.environment_of("clock")[SERVER] == ""

    smtp = stage.mail.facts.ports.smtp  # they are wished, and their ports remembered

    assert Stage(tmp_path / "demo").environment_of("clock")[SERVER] == f"smtp://127.0.0.1:{smtp}"
