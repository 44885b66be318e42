"""The shape of the tree: the only code that makes or parses a distinguished name.

Every entry of ours stands one level below a branch under an id of letters and digits, so that
no name we make ever needs escaping (RFC 4514, 2.4) and none that needs it is ever taken for ours.
"""

import re
from dataclasses import dataclass

_ID = re.compile(r"[a-z0-9]{1,64}")
_SUFFIX = re.compile(r"dc=[a-z0-9-]+(,dc=[a-z0-9-]+)*")
_SPACES_ROUND_A_COMMA = re.compile(r" *, *")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry of ours stands: the DN of its branch, and its id below it."""

    branch: str
    id: str


class Dit:
    """The tree below one suffix, such as `dc=lamdong,dc=gov,dc=vn`.

    Raises `ValueError` for a suffix that is not a plain line of `dc=` parts.
    """

    def __init__(self, suffix: str) -> None:
        if not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"a suffix is a line of dc= parts in small letters, not {suffix!r}")
        self.suffix = suffix
        self.root = suffix.partition(",")[0].removeprefix("dc=")
        self.people = f"ou=people,{suffix}"
        self.units = f"ou=units,{suffix}"
        self.agencies = f"ou=agencies,{suffix}"
        self.groups = f"ou=groups,{suffix}"
        self.services = f"ou=services,{suffix}"
        self.probes = f"ou=probe,{self.services}"

    def person(self, account_id: str) -> str:
        return f"uid={_checked(account_id)},{self.people}"

    def unit(self, account_id: str) -> str:
        return f"uid={_checked(account_id)},{self.units}"

    def agency(self, agency_uid: str) -> str:
        return f"uid={_checked(agency_uid)},{self.agencies}"

    def group(self, list_uid: str) -> str:
        return f"uid={_checked(list_uid)},{self.groups}"

    def service(self, name: str) -> str:
        return f"uid={_checked(name)},{self.services}"

    def probe(self, probe_id: str) -> str:
        return f"uid={_checked(probe_id)},{self.probes}"

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that hold entries of ours."""
        return (self.people, self.units, self.agencies, self.groups, self.services, self.probes)

    def parse(self, dn: str) -> Place | None:
        """Say where this DN stands when it has the shape of ours, else None.

        Compares as the directory does: letters of either case and spaces after commas are the same.
        """
        name, _, parent = _SPACES_ROUND_A_COMMA.sub(",", dn.strip().lower()).partition(",")
        kind, _, entry_id = name.partition("=")
        if kind != "uid" or parent not in self.branches or not _ID.fullmatch(entry_id):
            return None
        return Place(parent, entry_id)


def _checked(entry_id: str) -> str:
    if not _ID.fullmatch(entry_id):
        raise ValueError(f"an id in the directory is small letters and digits, not {entry_id!r}")
    return entry_id
