"""Handing letters to a mail server by SMTP: by submission with an account, or to a server on this machine.

The password of the account never leaves in the clear: without TLS there is no sign-in, and no server off this machine.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

from provisioner.errors import Conflict, Misconfigured, Text, Unavailable
from provisioner.secret import Secret

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PORTS = {"smtp": 25, "submission": 587, "smtps": 465}


class SmtpServer:
    """A mail server that takes our letters: `smtp://` on this machine, `submission://` (STARTTLS) or `smtps://`."""

    def __init__(
        self,
        url: str,
        *,
        account: str = "",
        password: Secret | None = None,
        tls_ca_file: Path | None = None,
        timeout: float = 20,
    ) -> None:
        """Say where; nothing is connected yet. `timeout` is in seconds. Raises `Misconfigured`."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise _wrong("smtp://, submission:// hoặc smtps://", "smtp://, submission:// or smtps://")
        if parts.scheme == "smtp" and (parts.hostname not in _LOOPBACK or account):
            raise _wrong(
                "smtp:// chỉ dùng cho máy chủ trên chính máy này và không có tài khoản",
                "smtp:// is for a server on this machine and takes no account",
            )
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._account, self._password = account, password
        self._ca, self._timeout = tls_ca_file, timeout

    @contextmanager
    def conversation(self) -> Iterator["Conversation"]:
        """A conversation in which letters are handed over. Raises `Unavailable` when none can be begun."""
        try:
            client = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(
                Text(
                    vi=f"Máy chủ thư {self._host}:{self._port} không nhận thư của hệ thống: {error}. Thông báo vẫn "
                    "nằm trong hàng đợi và sẽ được gửi sau.",
                    en=f"The mail server {self._host}:{self._port} takes no letters of ours: {error}. The notices "
                    "wait and are sent later.",
                ),
                code="mail-server-unavailable",
            ) from error
        try:
            yield Conversation(client)
        finally:
            client.close()

    def _connect(self) -> smtplib.SMTP:
        if self._scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=self._timeout, context=self._context()
            )
        else:
            client = smtplib.SMTP(self._host, self._port, timeout=self._timeout)
        try:
            if self._scheme == "submission":
                client.starttls(context=self._context())
            if self._account and self._password is not None:
                client.login(self._account, self._password.reveal())
        except BaseException:
            client.close()
            raise
        return client

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._ca) if self._ca else None)


class Conversation:
    """One connection to a mail server, for letters one after the other."""

    def __init__(self, client: smtplib.SMTP) -> None:
        self._client = client

    def carry(self, message: EmailMessage) -> None:
        """Hand the message over. Raises `Conflict` when it is refused for good, `Unavailable` when it is put off."""
        try:
            self._client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(code, said) from error
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise _refusal(550, str(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise _refusal(0, str(error)) from error


def _refusal(code: int, said: bytes | str) -> Conflict | Unavailable:
    """What a reply means: 5yz is for good (RFC 5321, 4.2.1), everything else may be better later."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    text = Text(
        vi=f"Máy chủ thư không nhận thư: {code} {words}",
        en=f"The mail server refused the letter: {code} {words}",
    )
    return (
        Conflict(text, code="letter-refused")
        if 500 <= code < 600
        else Unavailable(text, code="letter-put-off")
    )


def _wrong(vi: str, en: str) -> Misconfigured:
    return Misconfigured(
        Text(
            vi=f"Cài đặt notices.server không dùng được: {vi}.",
            en=f"The setting notices.server cannot be used: {en}.",
        ),
        code="setting-wrong",
    )
