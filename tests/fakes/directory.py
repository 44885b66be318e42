"""The directory in memory, for tests of what uses it; held to `tests/contracts/test_directory.py` like slapd itself."""

from collections import Counter
from collections.abc import Iterator, Sequence

from cryptography import x509

from ldap_schema.difference import Operation, changes, check_names
from ldap_schema.dit import Dit
from ldap_schema.schema import CERTIFICATE, MARKER, SEEN
from provisioner.directory.port import ADDRESS_TAKEN, Answer, Attributes, Entry, Outcome, Wish
from provisioner.errors import Text, Unavailable

_REQUIRED = {
    b"inetOrgPerson": {"cn", "sn"},
    b"congvuUnit": {"uid", "cn"},
    b"congvuAgency": {"uid", "cn", MARKER, "congvuAgencyCode"},
    b"congvuList": {"uid", "mail", MARKER, "congvuSenders"},
    b"congvuMailbox": {"uid", "mail", MARKER, "congvuQuota", "congvuStatus", "congvuKind"},
}
_STATUSES = {b"active", b"locked", b"disabled", b"deleted"}


class FakeDirectory:
    """`provisioner.directory.port.Directory` without a server.

    `writes` counts what it did by kind (add, modify, delete). `trouble`, when set, is what every call is answered with
    until it is unset: `WAIT` from `put` and `remove`, Unavailable from the others. `lost_after` lets that
    many writes through before the trouble starts.
    """

    def __init__(self, dit: Dit) -> None:
        self.dit = dit
        self.entries: dict[str, dict[str, tuple[bytes, ...]]] = {}
        self.writes: Counter[str] = Counter()
        self.settled = 0
        self.trouble = ""
        self.lost_after: int | None = None

    def put(self, wishes: Sequence[Wish]) -> list[Answer]:
        for wish in wishes:
            check_names(wish.entry.attributes)
            self._key(wish.entry.dn)
        if len({wish.entry.dn for wish in wishes}) < len(wishes):
            raise ValueError("two wishes of one entry in one call")
        return [self._put(wish) for wish in wishes]

    def remove(self, entries: Sequence[tuple[str, str]]) -> list[Answer]:
        return [self._remove(self._key(dn), marker) for dn, marker in entries]

    def read(self, dns: Sequence[str]) -> dict[str, Entry]:
        self._check()
        return {dn: self._entry(dn, self._key(dn)) for dn in dns if self._key(dn) in self.entries}

    def scan(self, branch: str) -> Iterator[Entry]:
        self._check()
        for dn in [dn for dn in self.entries if dn.partition(",")[2] == branch]:
            yield self._entry(dn, dn)

    def settle(self) -> None:
        self._check()
        self.settled += 1

    def probe(self) -> str:
        self._check()
        return "in memory"

    def plant(self, dn: str, attributes: Attributes) -> None:
        """Put an entry there as another program would."""
        self.entries[self._key(dn)] = dict(attributes)

    def _put(self, wish: Wish) -> Answer:
        key, wished = self._key(wish.entry.dn), wish.entry.attributes
        before = self.entries.get(key)
        if before is not None and _marker(before) != wish.entry.marker:
            return Answer(
                Outcome.NEEDS_PERSON, f"the entry that stands there carries the marker {_marker(before)!r}"
            )
        after = dict(wished) if before is None else _changed(before, wish)
        made = Answer(Outcome.DONE if before is None or wish.known else Outcome.ADOPTED)
        if after == before:
            return Answer(Outcome.WAIT, self.trouble) if self.trouble else made
        if not self._may_write():
            return Answer(Outcome.WAIT, self.trouble)
        if why := _against_the_schema(after) or self._taken(key, after):
            return Answer(Outcome.REFUSED, why)
        self.entries[key] = after
        self.writes["add" if before is None else "modify"] += 1
        return made

    def _remove(self, key: str, marker: str) -> Answer:
        if self.trouble or (key in self.entries and not self._may_write()):
            return Answer(Outcome.WAIT, self.trouble)
        if key not in self.entries:
            return Answer(Outcome.DONE)
        if _marker(self.entries[key]) != marker:
            return Answer(Outcome.NEEDS_PERSON, "the entry that stands there is not ours")
        del self.entries[key]
        self.writes["delete"] += 1
        return Answer(Outcome.DONE)

    def _entry(self, dn: str, key: str) -> Entry:
        attributes = self.entries[key]
        return Entry(dn, _marker(attributes), {name: attributes[name] for name in attributes if name in SEEN})

    def _key(self, dn: str) -> str:
        place = self.dit.parse(dn)
        if place is None:
            raise ValueError(f"not an entry of this tree: {dn!r}")
        return f"uid={place.id},{place.branch}"

    def _check(self) -> None:
        if self.trouble:
            raise Unavailable(Text(vi=f"Danh bạ LDAP: {self.trouble}", en=f"The directory: {self.trouble}"))

    def _may_write(self) -> bool:
        if self.lost_after is not None:
            if self.lost_after == 0:
                self.trouble, self.lost_after = self.trouble or "went away", None
            else:
                self.lost_after -= 1
        return not self.trouble

    def _taken(self, key: str, attributes: Attributes) -> str:
        """Like the unique overlay, which compares mail with mail and alias with alias, whoever made the entries."""
        for name in ("mail", "congvuAlias"):
            values = {value.lower() for value in attributes.get(name, ())}
            for other, theirs in list(self.entries.items()):  # another thread may put meanwhile
                if other != key and values & {value.lower() for value in theirs.get(name, ())}:
                    return f"{ADDRESS_TAKEN}; constraintViolation (19): some attributes not unique: {name}"
        return ""


def _marker(attributes: Attributes) -> str:
    return attributes.get(MARKER, (b"",))[0].decode()


def _changed(before: dict[str, tuple[bytes, ...]], wish: Wish) -> dict[str, tuple[bytes, ...]]:
    after = dict(before)
    for operation, name, values in changes(wish.entry.attributes, before, wish.withdraw):
        if operation is Operation.REPLACE:
            after[name] = values
        elif operation is Operation.ADD:
            after[name] = (*after.get(name, ()), *values)
        else:
            after[name] = tuple(value for value in after[name] if value not in values)
    return {name: values for name, values in after.items() if values}


def _against_the_schema(attributes: Attributes) -> str:
    """What slapd would refuse of it; the contract test says which of its checks a test may rely on."""
    for object_class in attributes["objectClass"]:
        if missing := _REQUIRED.get(object_class, set()) - attributes.keys():
            return f"objectClassViolation (65): {object_class.decode()} requires {', '.join(sorted(missing))}"
    for value in attributes.get("congvuQuota", ()):
        if not value.isdigit() or int(value) < 1:
            return "constraintViolation (19): congvuQuota"
    if not set(attributes.get("congvuStatus", ())) <= _STATUSES:
        return "constraintViolation (19): congvuStatus"
    for value in attributes.get(CERTIFICATE, ()):
        try:
            x509.load_der_x509_certificate(value)
        except ValueError:
            return f"invalidAttributeSyntax (21): {CERTIFICATE}"
    return ""
