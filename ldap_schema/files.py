"""The directory's own files, with the names of one installation filled in."""

from importlib.resources import files
from string import Template

from ldap_schema.dit import Dit

DATABASE = "olcDatabase={1}mdb,cn=config"
"""Where our tree is configured in the shipped slapd configuration."""

NAMES = ("congvu", "modules", "server", "acl", "indexes", "dit")
"""In the order in which a server takes them."""

MAX_BYTES = 4 << 30
"""How large the directory's database may become; sparse on disk."""


def ldif(name: str, dit: Dit, *, database: str = DATABASE, max_bytes: int = MAX_BYTES) -> str:
    """One of the files, by its name in `NAMES`, as LDIF (RFC 2849) for this suffix.

    `database` is the entry of the database in cn=config to which rules and indexes belong.
    """
    text = files("ldap_schema").joinpath(f"{name}.ldif").read_text(encoding="utf-8")
    if name == "congvu":
        return text
    return Template(text).substitute(suffix=dit.suffix, root=dit.root, database=database, maxsize=max_bytes)
