"""Whether somebody knows the password of an entry: the directory is asked by a bind, as a mail server asks it."""

from pathlib import Path

from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from provisioner.adapters.ldap_session import Session
from provisioner.errors import Unavailable
from provisioner.secret import Secret


class LdapBinding:
    """Binds as others do, each time on a connection of its own; any number of threads may ask."""

    def __init__(self, url: str, *, tls_ca_file: Path | None = None, timeout: float = 10) -> None:
        """Say where; nothing is connected yet. `timeout` is in seconds."""
        self._url, self._ca, self._timeout = url, tls_ca_file, timeout

    def proves(self, dn: str, password: Secret) -> bool:
        """Whether a bind as this entry succeeds: the password is right and the account is active.

        A blank password never gets as far as the server, which would take it for nobody's and agree (RFC 4513,
        5.1.2). Raises `Unavailable` when the directory does not answer.
        """
        if not dn.strip() or not password.reveal().strip("\0 \t\r\n"):
            return False
        session = Session(
            self._url, bind_dn=dn, password=password, tls_ca_file=self._ca, timeout=self._timeout
        )
        try:
            return session.call(lambda _connection: True)
        except Unavailable as error:
            if isinstance(error.__cause__, LDAPInvalidCredentialsResult):
                return False
            raise
        finally:
            session.close()
