"""What a directory server knows of attributes and classes, against what we name."""

import re

from ldap3 import BASE, Connection

from ldap_schema.schema import NAMED

_DEFINED = ["attributeTypes", "objectClasses"]


def unknown_names(connection: Connection) -> list[str]:
    """Attributes and classes of ours that this server was not taught, in order (RFC 4512, 4.2)."""
    connection.search("cn=subschema", "(objectClass=subschema)", BASE, attributes=_DEFINED)
    found = [item for item in connection.response or () if item["type"] == "searchResEntry"]
    definitions = [
        text for item in found for name in _DEFINED for text in item["raw_attributes"].get(name, ())
    ]
    known = {name.decode() for text in definitions for name in re.findall(rb"'([\w-]+)'", text)}
    return sorted(NAMED - known)
