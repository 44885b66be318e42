"""Setting passwords in the directory, as the one account that may: it can set them and read nothing."""

from pathlib import Path
from threading import Lock

from ldap3 import MODIFY_REPLACE, Connection
from ldap3.core.exceptions import LDAPInsufficientAccessRightsResult, LDAPNoSuchObjectResult

from ldap_schema.dit import Dit
from provisioner.adapters.ldap_session import Session
from provisioner.errors import Conflict, Text
from provisioner.secret import Secret


class LdapPasswords:
    """The account `uid=activation,ou=services` at work. Any number of threads may ask; one after the other is answered."""

    def __init__(
        self, url: str, *, dit: Dit, password: Secret, tls_ca_file: Path | None = None, timeout: float = 10
    ) -> None:
        """Say where; the first call connects. `timeout` is in seconds. Raises `Misconfigured` as `Session` does."""
        self._session = Session(
            url,
            bind_dn=dit.service("activation"),
            password=password,
            tls_ca_file=tls_ca_file,
            timeout=timeout,
        )
        self._lock = Lock()

    def replace(self, dn: str, hashed: str) -> None:
        """Replace the password of this entry by a hash, in one modification that may be repeated.

        Raises `Conflict` when there is no such entry or its account is not active, `Unavailable` when the
        directory does not answer.
        """

        def work(connection: Connection) -> bool:
            try:
                connection.modify(dn, {"userPassword": [(MODIFY_REPLACE, [hashed])]})  # type: ignore[no-untyped-call]
            except (LDAPInsufficientAccessRightsResult, LDAPNoSuchObjectResult):
                return False  # the rules of access let a password be set for active accounts only
            return True

        with self._lock:
            is_replaced = self._session.call(work)
        if not is_replaced:
            raise Conflict(
                Text(
                    vi="Hộp thư này chưa sẵn sàng hoặc đang bị khóa; hãy liên hệ quản trị viên của cơ quan.",
                    en="This mailbox is not ready yet or is locked; ask your agency's administrator.",
                ),
                code="account-not-active",
            )

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._session.close()
