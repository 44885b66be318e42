"""The words of the audit trail: what was done, with what kind of thing, and what its fields are called.

`tests/web/test_trail.py` looks in the code for everything that is recorded and wants a name for it here.
"""

from provisioner.agencies.importing import HEAD_COUNTS
from provisioner.rosters.files.columns import Column
from provisioner.web.speaking import gettext
from provisioner.web.wording import categories, columns

LEFT_OUT = frozenset({"agency_code", "mailbox_id", "en"})
"""Fields that nobody has to read: ids, and what another field beside them says."""


def things() -> dict[str, str]:
    """Kinds of things, by the first word of an action and by the type of a subject."""
    return {
        "agency": gettext("Agency"),
        "authority": gettext("Authority"),
        "certificate": gettext("Certificate"),
        "code": gettext("One-time code"),
        "crl": gettext("Revocation list"),
        "directory": gettext("Directory"),
        "entry": gettext("Entry of the directory"),
        "foreign": gettext("Certificate of another authority"),
        "issuer": gettext("Authority"),
        "letter": gettext("Letter of notice"),
        "list": gettext("Address of a group"),
        "mailbox": gettext("Mailbox"),
        "operator": gettext("Operator"),
        "person": gettext("Person"),
        "record": gettext("Signed log"),
        "report": gettext("Report"),
        "request": gettext("Request"),
        "responder": gettext("Status service (OCSP)"),
        "revocations": gettext("Revocation of many"),
        "roster": gettext("Roster"),
        "sealing": gettext("Sealed values"),
        "signed_report": gettext("Report"),
        "timer-stop": gettext("Stopped timers"),
        "timers": gettext("Stopped timers"),
        "unit": gettext("Unit mailbox"),
    }


def deeds() -> dict[str, str]:
    """What was done, by action; short, for where it is plain with what."""
    return {
        "agency.changed": gettext("Changed"),
        "agency.created": gettext("Registered"),
        "authority.fallen": gettext("Fell with the one above it"),
        "authority.made": gettext("Made"),
        "authority.paused": gettext("Paused: its key cannot be used"),
        "authority.recovered": gettext("Restored from the signer's journal"),
        "authority.resumed": gettext("Signs again"),
        "authority.revocation-planned": gettext("Revocation proposed"),
        "authority.revoked": gettext("Revoked"),
        "certificate.enrolled": gettext("Key made by the owner"),
        "certificate.handed-over": gettext("Handed over"),
        "certificate.issued": gettext("Issued"),
        "certificate.ordered": gettext("Certificate ordered"),
        "certificate.refused": gettext("Refused"),
        "certificate.redated": gettext("Revocation dated by the signer's clock"),
        "certificate.released": gettext("Hold released"),
        "certificate.renewal-ordered": gettext("Successor ordered"),
        "certificate.revoked": gettext("Revoked"),
        "certificate.stored-on-token": gettext("Stored on a token"),
        "code.delivered": gettext("One-time code handed out"),
        "code.issued": gettext("One-time code issued"),
        "crl.signed": gettext("Signed"),
        "directory.repaired": gettext("Put right after the books"),
        "directory.retried": gettext("Tried again"),
        "foreign.decided": gettext("Owner decided"),
        "foreign.imported": gettext("List loaded"),
        "foreign.step": gettext("Step noted"),
        "letter.tried-again": gettext("Tried again"),
        "list.senders": gettext("Who may write to it changed"),
        "mailbox.deleted": gettext("Deleted"),
        "mailbox.disabled": gettext("Disabled"),
        "mailbox.enabled": gettext("Made active again"),
        "mailbox.factor-off": gettext("Second factor turned off by the owner"),
        "mailbox.factor-on": gettext("Second factor turned on by the owner"),
        "mailbox.locked": gettext("Locked"),
        "mailbox.owner-signed-in": gettext("Owner signed in"),
        "mailbox.password-set": gettext("Password set by the owner"),
        "operator.disabled": gettext("Shut out"),
        "operator.enabled": gettext("Let in again"),
        "operator.identified": gettext("Tied to single sign-on"),
        "operator.link-made": gettext("One-time link made"),
        "operator.link-used": gettext("One-time link used"),
        "operator.named": gettext("Named"),
        "operator.role-given": gettext("Role given"),
        "operator.role-taken": gettext("Role taken away"),
        "operator.signed-in": gettext("Signed in"),
        "operator.tied": gettext("Tied to a person"),
        "person.changed": gettext("Changed"),
        "person.created": gettext("Registered"),
        "person.identity-read": gettext("Identity number read in full"),
        "person.left": gettext("Left"),
        "person.name-settled": gettext("Parts of the name written"),
        "record.recovered": gettext("Put back from the signer's disk"),
        "report.asked": gettext("Signature asked for"),
        "report.signed": gettext("Signed"),
        "request.approved": gettext("Approved"),
        "request.letter-given": gettext("Letter opened"),
        "request.returned": gettext("Returned"),
        "request.submitted": gettext("Sent for approval"),
        "request.written": gettext("Written"),
        "responder.delegated": gettext("Key renewed"),
        "responder.given-up": gettext("Key destroyed before it was certified"),
        "revocations.approved": gettext("Approved"),
        "revocations.done": gettext("Done"),
        "revocations.planned": gettext("Proposed"),
        "revocations.refused": gettext("Refused"),
        "revocations.stopped": gettext("Stopped"),
        "revocations.withdrawn": gettext("Withdrawn"),
        "roster.applied": gettext("In the books"),
        "roster.approved": gettext("Approved"),
        "roster.planned": gettext("Checked and planned"),
        "roster.received": gettext("Received"),
        "roster.refused": gettext("Not a roster"),
        "roster.result-given": gettext("Result given out"),
        "roster.started": gettext("Set going"),
        "roster.stopped": gettext("Stopped"),
        "sealing.begun": gettext("Sealing anew begun"),
        "sealing.done": gettext("Sealed anew"),
        "timers.confirmed": gettext("Confirmed"),
        "unit.changed": gettext("Changed"),
        "unit.created": gettext("Opened"),
    }


def deed(action: str) -> str:
    return deeds().get(action, action)


def in_full(action: str) -> str:
    """With what and what: `Mailbox: Locked`."""
    thing = things().get(action.partition(".")[0])
    return f"{thing}: {deed(action)}" if thing else deed(action)


def field_name(thing: str, field: str) -> str:
    """What a field is called; of some things otherwise than of others."""
    if field.startswith(HEAD_COUNTS):
        category = field.removeprefix(HEAD_COUNTS)
        return f"{gettext('Declared staff')}: {categories().get(category, category)}"
    named = fields()
    return named.get(f"{thing}.{field}") or named.get(field, field)


def fields() -> dict[str, str]:
    """Fields of things that are recorded or planned, where needed with the kind of thing before a dot."""
    named = columns()
    return {
        "abbreviation": gettext("Abbreviation"),
        "address": gettext("Address"),
        "agency": gettext("Agency"),
        "agency_id": gettext("Agency"),
        "as": gettext("File"),
        "attributes": gettext("Attributes"),
        "birth_date": named[Column.BIRTH_DATE],
        "bloc": gettext("Bloc"),
        "by": gettext("Proved by"),
        "by_list_of": gettext("On the revocation list of"),
        "category": named[Column.CATEGORY],
        "certain": gettext("Owner is certain"),
        "certificate": named[Column.CERTIFICATE],
        "certificates": gettext("Certificates"),
        "code": gettext("Agency code"),
        "code_since": gettext("Code valid from"),
        "completed": gettext("Told more of"),
        "contact_email": gettext("Contact: mail"),
        "contact_name": gettext("Contact: name"),
        "contact_phone": gettext("Contact: phone"),
        "counts": gettext("Rows"),
        "decided": gettext("Owner decided"),
        "decision": named[Column.DECISION],
        "decision_date": named[Column.DECISION_DATE],
        "delete": gettext("Mailboxes to be deleted"),
        "delta_entries": gettext("Entries of the delta list"),
        "delta_from": gettext("Delta list since number"),
        "digest": gettext("Fingerprint"),
        "document": gettext("Number of the letter"),
        "doubtful": gettext("Owner is doubtful"),
        "drifted": gettext("Entries that differed"),
        "device": gettext("Device"),
        "ending": gettext("Why it ends"),
        "entries": gettext("Entries"),
        "expires_at": gettext("Good until"),
        "family": gettext("Family name"),
        "file": gettext("File"),
        "full_name": named[Column.FULL_NAME],
        "given": gettext("Given name"),
        "identity_number": named[Column.NATIONAL_ID],
        "key": gettext("Fingerprint of the key"),
        "keys_lost": gettext("Keys that were lost"),
        "kind": gettext("Kind"),
        "known": gettext("Known before"),
        "leader": named[Column.LEADER],
        "leaves": gettext("Leaves of the log"),
        "leaves_on": named[Column.LEAVES],
        "left": gettext("Left under older keys"),
        "legal_personality": gettext("Legal personality"),
        "level": gettext("Level"),
        "lock": gettext("Mailboxes to be locked"),
        "lost_with": gettext("Fell with the authority"),
        "mailbox": gettext("Mailbox"),
        "match": gettext("Whose it is"),
        "middle": gettext("Middle name"),
        "missing": gettext("Entries that were missing"),
        "most": gettext("At most"),
        "name": gettext("Agency name"),
        "name_confirmed": gettext("Parts of the name confirmed"),
        "new": gettext("New"),
        "nobody": gettext("Owner is nobody"),
        "not_after": gettext("Good until"),
        "number": gettext("Number"),
        "on": gettext("Day"),
        "ordered_by": gettext("Ordered by"),
        "paper": gettext("Paper"),
        "parent_id": gettext("Agency above it"),
        "person": gettext("Person"),
        "phone": named[Column.PHONE],
        "purpose": gettext("Purpose"),
        "quota_bytes": named[Column.QUOTA],
        "reason": gettext("Reason"),
        "refused_since_planned": gettext("Rows refused since the plan was made"),
        "releases": gettext("Holds released"),
        "revocations": gettext("Revocations"),
        "role": gettext("Role"),
        "roster.code": gettext("Reason"),
        "seal": gettext("Own seal"),
        "sealed": gettext("Values sealed anew"),
        "senders": gettext("Who may write"),
        "serial": gettext("Serial number"),
        "sha256": gettext("Fingerprint of the file"),
        "short_name": gettext("Short name"),
        "signed_report.title": gettext("Title"),
        "since": gettext("Since"),
        "staff_number": named[Column.STAFF_NUMBER],
        "status": gettext("Mailbox"),
        "step": gettext("Step"),
        "strays": gettext("Certificates of no mailbox"),
        "title": named[Column.POSITION],
        "token": gettext("Token"),
        "trouble": gettext("Trouble"),
        "unit_mailbox": gettext("Entitled to a mailbox"),
        "unread": gettext("Values that are no certificate"),
        "until": gettext("Until"),
        "vi": gettext("Reason"),
        "way": gettext("Signed in by"),
        "with_key": gettext("With the key"),
    }
