"""Sign-ins as the directory saw them: slapd's `pwdLastSuccess`, kept when `olcLastBind` is on (slapd-config(5)).

For mail servers other than Dovecot. Every sign-in is then a write; only binds are seen.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ldap3 import LEVEL, Connection

from ldap_schema.dit import Dit
from provisioner.adapters.ldap import having
from provisioner.adapters.ldap_session import Session
from provisioner.mail.usage import SignIn
from provisioner.secret import Secret

_ATTRIBUTE = "pwdLastSuccess"
_FORM = "%Y%m%d%H%M%SZ"
_PAGE = 500


def directory_sign_ins(
    url: str,
    *,
    dit: Dit,
    bind_dn: str,
    password: Secret,
    since: datetime | None,
    tls_ca_file: Path | None = None,
    timeout: float = 10,
) -> Iterator[SignIn]:
    """The last successful bind of every person and unit, by account id; of those since a moment if one is given.

    Raises `Unavailable`, and `Misconfigured` as `Session` does.
    """
    session = Session(url, bind_dn=bind_dn, password=password, tls_ca_file=tls_ca_file, timeout=timeout)
    wanted = having(_ATTRIBUTE, since=since)
    try:
        for branch in (dit.people, dit.units):
            yield from session.call(partial(_read, branch=branch, wanted=wanted))
    finally:
        session.close()


def _read(connection: Connection, branch: str, wanted: str) -> list[SignIn]:
    found = connection.extend.standard.paged_search(
        branch, wanted, LEVEL, attributes=["uid", _ATTRIBUTE], paged_size=_PAGE, generator=True
    )
    return [
        SignIn(
            item["raw_attributes"]["uid"][0].decode(),
            datetime.strptime(item["raw_attributes"][_ATTRIBUTE][0].decode()[:14] + "Z", _FORM).replace(
                tzinfo=UTC
            ),
        )
        for item in found
        if item["type"] == "searchResEntry" and item["raw_attributes"].get(_ATTRIBUTE)
    ]
