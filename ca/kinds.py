"""Whom a certificate is for."""

from enum import StrEnum


class Kind(StrEnum):
    """Whom a certificate is for: authorities, their OCSP responders, and the two kinds of subscribers."""

    ROOT = "root"
    ISSUING = "issuing"
    RESPONDER = "responder"
    PERSON = "person"
    ORGANIZATION = "organization"

    @property
    def is_authority(self) -> bool:
        return self in {Kind.ROOT, Kind.ISSUING}

    @property
    def is_subscriber(self) -> bool:
        return self in {Kind.PERSON, Kind.ORGANIZATION}
