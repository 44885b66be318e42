"""The names of the directory's attributes and classes, and which of them are ours to set."""

MARKER = "congvuId"
"""Whose entry it is: our id of the thing. An entry without it is somebody else's."""

OBJECT_CLASS = "objectClass"

PERSON_CLASSES = ("inetOrgPerson", "congvuMailbox")
UNIT_CLASSES = ("congvuUnit", "congvuMailbox", "pkiUser")
AGENCY_CLASSES = ("congvuAgency", "pkiUser")
LIST_CLASSES = ("groupOfURLs", "congvuList")

MANAGED = frozenset(
    {
        MARKER,
        "congvuAgencyCode",
        "congvuAgencyPath",
        "congvuAlias",
        "congvuBloc",
        "congvuKind",
        "congvuLeader",
        "congvuLevel",
        "congvuPart",
        "congvuPartOf",
        "congvuQuota",
        "congvuSenders",
        "congvuStatus",
        "congvuWithin",
        "cn",
        "displayName",
        "employeeNumber",
        "givenName",
        "mail",
        "memberURL",
        "o",
        "sn",
        "telephoneNumber",
        "title",
        "uid",
    }
)
"""Set exactly: what the books say is all there is."""

CERTIFICATE = "userCertificate;binary"
"""RFC 4523, 2.1: the option `;binary` is part of the name that is sent."""

SHARED = frozenset({CERTIFICATE})
"""Set by value: ours are added and withdrawn, what somebody else put there stays."""

KEPT = frozenset({OBJECT_CLASS})
"""Added where missing and never taken away: another program may have its own class on an entry of ours."""

SEEN = MANAGED | SHARED | KEPT
"""What we read back of an entry."""

NAMED = SEEN - SHARED | {"userCertificate"} | {*PERSON_CLASSES, *UNIT_CLASSES, *AGENCY_CLASSES, *LIST_CLASSES}
"""Every attribute and class that a server has to know."""
