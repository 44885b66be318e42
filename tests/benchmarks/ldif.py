"""Entries as LDIF (RFC 2849), ready for `ldapadd`."""

from base64 import b64encode

from provisioner.directory.port import Entry


def ldif(entry: Entry) -> str:
    """One record with a blank line after it; every value in base64, so that none needs thought."""
    lines = [f"dn: {entry.dn}"]
    for name, values in entry.attributes.items():
        lines += [_line(name, value) for value in values]
    return "\n".join(lines) + "\n\n"


def _line(name: str, value: bytes) -> str:
    plain = (
        value.isascii() and value.decode("ascii").isprintable() and not value.startswith((b" ", b":", b"<"))
    )
    if plain and not value.endswith(b" "):
        return f"{name}: {value.decode('ascii')}"
    return f"{name}:: {b64encode(value).decode('ascii')}"
