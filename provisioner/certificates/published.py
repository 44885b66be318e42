"""What verifiers fetch: certificates and lists as the books have them, remembered by their number; the record's head."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import select

from provisioner.certificates.models import Issuer
from provisioner.certificates.recording_models import RecordHead
from provisioner.certificates.recording_proof import newest
from provisioner.db import Database


class Kind(StrEnum):
    """What is published of an authority."""

    CERTIFICATE = "certificate"
    FULL = "crl"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Document:
    """The DER to send, and the name of this very content for whoever asks whether it is still the same."""

    content: bytes
    etag: str


class Published:
    """One object for a process: a list of 100,000 entries has 5 MB and is read from the books once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, Kind], tuple[int, Document]] = {}

    def find(self, label: str, kind: Kind) -> Document | None:
        """The newest of this kind; None when there is no such authority, or nothing of the kind yet."""
        column = {Kind.CERTIFICATE: Issuer.certificate, Kind.FULL: Issuer.crl, Kind.DELTA: Issuer.delta}[kind]
        with self._database.reading() as session:
            number = session.scalar(select(Issuer.crl_number).where(Issuer.label == label))
            known = self._known.get((label, kind))
            if known is not None and known[0] == number:
                return known[1]
            content = session.scalar(select(column).where(Issuer.label == label))
        if number is None or content is None:
            return None
        document = Document(content, sha256(content).hexdigest())
        self._known[label, kind] = (number, document)
        return document

    def record(self) -> RecordHead:
        """The record as it was signed last. Raises `NotFound` before the first checkpoint."""
        with self._database.reading() as session:
            return newest(session)
