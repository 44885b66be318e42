"""Local parts that nobody gets, because programs or people would take their holder for the operator."""

from typing import Final

RESERVED: Final = frozenset(
    {
        # RFC 2142: the mailboxes of services and of network operations.
        *("abuse", "noc", "security", "postmaster", "hostmaster", "usenet", "news", "webmaster", "www"),
        *("uucp", "ftp", "support", "info", "marketing", "sales"),
        # CA/Browser Forum Baseline Requirements 3.2.2.4.4: whoever reads these can obtain a TLS
        # certificate for the province's domain.
        *(
            "admin",
            "administrator",
            "root",
            "sysadmin",
            "ssladmin",
            "ssladministrator",
            "sslwebmaster",
            "ssl",
        ),
        *("pki", "ca", "crl", "ocsp", "cert", "certificate", "mis", "is", "it"),
        # Senders that are programs.
        *("mailerdaemon", "daemon", "noreply", "donotreply", "bounce", "bounces", "nobody", "null", "system"),
        *("mail", "email", "mailbox", "dmarc", "tlsrpt", "smtp", "imap", "pop", "pop3", "webmail", "ldap"),
        *("vmail", "mx", "dns", "ns", "autodiscover", "autoconfig", "wpad", "localhost", "backup", "test"),
        # Whoever asks for passwords under such a name is believed.
        *("helpdesk", "help", "service", "account", "accounts", "password", "login", "user", "guest", "all"),
        *("everyone", "list", "owner", "request", "staff", "official"),
        # The same in Vietnamese.
        *("quantri", "quantrivien", "quantrihethong", "hethong", "hotro", "trogiup", "matkhau", "taikhoan"),
        *("baomat", "anninh", "anninhmang", "thudientu", "thucongvu", "congvu", "khongtraloi", "tatca"),
        *("thongbao", "chungthu", "chungthuso", "chukyso"),
    }
)
"""Without signs between the letters; what a policy adds stands in its own file."""

LISTS: Final = ("tatca", "canbo", "lanhdao")
"""What addresses of lists begin with, before their first full stop: of a sub-tree, of one agency, of leaders."""

_LOOK_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "5": "s", ".": "", "-": "", "_": ""})


def skeleton(local_part: str) -> str:
    """What a hurried reader sees: `Adm1n`, `a.dmin` and `adrnin` are one name."""
    return local_part.lower().translate(_LOOK_ALIKE).replace("rn", "m").replace("vv", "w")
