"""Every table of the product, for migrations and for tests: importing this module is all it does."""

from provisioner.agencies import models as agencies
from provisioner.audit import AuditEvent
from provisioner.certificates import auditing_models as auditing
from provisioner.certificates import models as certificates
from provisioner.certificates import recording_models as record
from provisioner.certificates import revoked_authorities
from provisioner.coverage import models as coverage
from provisioner.db import Base
from provisioner.lists import models as lists
from provisioner.mail import models as mail
from provisioner.mailboxes import models as mailboxes
from provisioner.notices import models as notices
from provisioner.operators import models as operators
from provisioner.parts import Part
from provisioner.people import models as people
from provisioner.reports import models as reports
from provisioner.requests import models as requests
from provisioner.rosters import models as rosters

metadata = Base.metadata

__all__ = [
    "AuditEvent",
    "Part",
    "agencies",
    "auditing",
    "certificates",
    "coverage",
    "lists",
    "mail",
    "mailboxes",
    "metadata",
    "notices",
    "operators",
    "people",
    "record",
    "reports",
    "requests",
    "revoked_authorities",
    "rosters",
]
