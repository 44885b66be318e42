"""The words that pages use for what the books hold: states, kinds, columns and sizes."""

from collections.abc import Mapping

from provisioner import troubles
from provisioner.certificates.foreign_life import Ending, Step
from provisioner.certificates.models import Certificate, Match, PlanState, Purpose, RevocationPlan
from provisioner.certificates.revoking_many import has_lapsed
from provisioner.lists.models import Senders
from provisioner.mailboxes.quotas import format_quota
from provisioner.operators.models import LinkPurpose, Way
from provisioner.operators.roles import NAMES, Role
from provisioner.pending import Pending
from provisioner.requests.models import Kind, State
from provisioner.rosters.files.columns import TITLES, Column, fold
from provisioner.web.answering import services
from provisioner.web.speaking import gettext, language, spoken


def request_states() -> dict[str, str]:
    return {
        State.DRAFT: gettext("Draft"),
        State.SUBMITTED: gettext("Waiting for approval"),
        State.RETURNED: gettext("Returned"),
        State.APPROVED: gettext("Approved"),
    }


def request_kinds() -> dict[str, str]:
    return {
        Kind.PEOPLE: gettext("Mailboxes for people"),
        Kind.UNIT: gettext("Mailbox of an agency or unit"),
        Kind.CHANGE: gettext("Change of people's details"),
        Kind.LEAVE: gettext("People who leave"),
        Kind.CERTIFICATE: gettext("Signing certificates"),
    }


def columns() -> dict[str, str]:
    return {
        Column.ROW_KIND: gettext("Kind of row"),
        Column.AGENCY_CODE: gettext("Agency code"),
        Column.STAFF_NUMBER: gettext("Staff number"),
        Column.FULL_NAME: gettext("Full name"),
        Column.BIRTH_DATE: gettext("Date of birth"),
        Column.NATIONAL_ID: gettext("Identity number"),
        Column.POSITION: gettext("Position"),
        Column.LEADER: gettext("Leading position"),
        Column.CATEGORY: gettext("Category of staff"),
        Column.PHONE: gettext("Phone"),
        Column.ADDRESS: gettext("Wished address"),
        Column.QUOTA: gettext("Quota"),
        Column.CERTIFICATE: gettext("Signing certificate"),
        Column.LEAVES: gettext("Leaves on"),
        Column.DECISION: gettext("Personnel decision"),
        Column.DECISION_DATE: gettext("Date of the decision"),
    }


def headers(understood: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of a file, each with the column it was taken for where that is another word."""
    named = columns()
    return [
        (
            header,
            ""
            if fold(header) in map(fold, (column, TITLES[Column(column)], named[column]))
            else named[column],
        )
        for header, column in understood.items()
    ]


def plan_states() -> dict[str, str]:
    return {
        "reading": gettext("Being read"),
        "refused": gettext("Not a roster"),
        "planned": gettext("Waiting for approval"),
        "approved": gettext("Approved"),
        "applying": gettext("Being carried out"),
        "applied": gettext("In the books"),
        "stopped": gettext("Stopped"),
    }


def role_names() -> dict[str, str]:
    return {role: spoken(NAMES[role]) for role in Role}


def operator_states() -> dict[str, str]:
    return {
        "ready": gettext("Active"),
        "invited": gettext("Not set up yet"),
        "disabled": gettext("Shut out"),
    }


def link_purposes() -> dict[str, str]:
    return {
        LinkPurpose.SET_UP: gettext("Link to set the account up"),
        LinkPurpose.PASSWORD: gettext("Link for a new password"),
        LinkPurpose.SECOND_FACTOR: gettext("Link for a new second factor"),
    }


def ways_in() -> dict[str, str]:
    return {
        Way.PASSWORD: gettext("Password"),
        Way.MAILBOX: gettext("Password of the mailbox"),
        Way.PROVIDER: gettext("Single sign-on"),
        Way.LINK: gettext("One-time link"),
    }


def outcomes() -> dict[str, str]:
    return {
        "create": gettext("New"),
        "change": gettext("Change"),
        "unchanged": gettext("Unchanged"),
        "duplicate": gettext("Twice in the file"),
        "conflict": gettext("Conflict"),
        "refused": gettext("Refused"),
    }


def mailbox_states() -> dict[str, str]:
    return {
        "active": gettext("Active"),
        "locked": gettext("Locked"),
        "disabled": gettext("Disabled"),
        "deleted": gettext("Deleted"),
    }


def directory_trouble(entry: Pending) -> str:
    """Why an entry of the directory waits for a person; nothing where none does."""
    why = troubles.of_directory(entry.trouble, entry.trouble_detail)
    return spoken(why) if why else ""


def certificate_states() -> dict[str, str]:
    return {
        "ordered": gettext("Ordered"),
        "reserved": gettext("Being signed"),
        "issued": gettext("Issued"),
        "refused": gettext("Refused"),
        "revoked": gettext("Revoked"),
        "expired": gettext("Expired"),
    }


def certificate_state(one: Certificate) -> tuple[str, str]:
    """The mark of a certificate's state as it is now: of which kind, and the word."""
    state = one.state.value
    if one.revoked_at is not None:
        state = "revoked"
    elif one.not_after is not None and one.not_after <= services().clock():
        state = "expired"
    kinds = {"issued": "good", "revoked": "bad", "expired": "bad"}
    return kinds.get(state, "warn"), certificate_states()[state]


def revocation_state(one: RevocationPlan, *, all_refused: bool) -> tuple[str, str]:
    """The mark of a proposal's state: of which kind, and the word. Done is good only when something was revoked."""
    names = {
        PlanState.PLANNED: gettext("Waiting for approval"),
        PlanState.APPROVED: gettext("Being carried out"),
        PlanState.STOPPED: gettext("Stopped"),
        PlanState.REFUSED: gettext("Refused"),
        PlanState.WITHDRAWN: gettext("Withdrawn"),
        PlanState.DONE: gettext("Nothing could be revoked") if all_refused else gettext("Done"),
    }
    if has_lapsed(one, within=services().proposals_last, now=services().clock()):
        return "warn", gettext("Lapsed")
    return "good" if one.state is PlanState.DONE and not all_refused else "warn", names[one.state]


def revocation_refusals() -> dict[str, str]:
    """Why one certificate of a proposal was not revoked, by the code of `revoking`."""
    return {
        "not-issued": gettext("It was never issued."),
        "expired": gettext("It had expired by then."),
        "revoked-already": gettext("It was revoked before."),
        "reason-not-allowed": gettext("The reason is not for certificates of this kind."),
    }


def revocation_reasons() -> dict[str, str]:
    return {
        "keyCompromise": gettext("Somebody else may have the key"),
        "affiliationChanged": gettext("Name, post or agency changed"),
        "superseded": gettext("Replaced by another one"),
        "cessationOfOperation": gettext("No longer needed: left, or closed"),
        "certificateHold": gettext("On hold for a while"),
    }


def categories() -> dict[str, str]:
    """Categories of staff, as the reference data has them."""
    return {code: spoken(term.name) for code, term in services().reference.categories.items()}


def mailbox_kinds() -> dict[str, str]:
    return {"personal": gettext("Mailbox of a person"), "unit": gettext("Mailbox of an agency or unit")}


def purposes() -> dict[str, str]:
    """What certificates and one-time links are for."""
    return {
        Purpose.MAIL: gettext("Mail"),
        Purpose.DOCUMENT: gettext("Documents"),
        LinkPurpose.SIGN_IN: gettext("Link to sign in once"),
        **link_purposes(),
    }


def proofs() -> dict[str, str]:
    """By what an owner proved that a mailbox is theirs."""
    return {"code": gettext("One-time code"), "password": gettext("The password before")}


def list_senders() -> dict[str, str]:
    return {
        Senders.LEADERS: gettext("Leaders and unit mailboxes"),
        Senders.OFFICIALS: gettext("Whoever has a mailbox here"),
        Senders.ANYONE: gettext("Anyone"),
    }


def foreign_matches() -> dict[str, str]:
    return {
        Match.CERTAIN: gettext("Certain"),
        Match.DOUBTFUL: gettext("Doubtful"),
        Match.NOBODY: gettext("Nobody's"),
        Match.DECIDED: gettext("Decided by a person"),
    }


def foreign_steps() -> dict[str, str]:
    """Steps in the life of a certificate of the Government Cipher Committee."""
    return {
        Step.DELIVERED: gettext("Delivered"),
        Step.HANDED_OVER: gettext("Handed over"),
        Step.CHANGE_ASKED: gettext("Change asked for"),
        Step.RENEWAL_ASKED: gettext("Renewal asked for"),
        Step.LOCKED: gettext("Locked"),
        Step.SETTLED: gettext("Settled"),
        Step.REVOKED: gettext("Revoked"),
        Step.RETURNED: gettext("Token returned"),
        Step.LOST: gettext("Token lost"),
    }


def foreign_endings() -> dict[str, str]:
    """Why such a certificate has to be revoked."""
    return {
        Ending.KEY: gettext("Somebody else may have the key"),
        Ending.POSITION: gettext("Another post"),
        Ending.LEFT: gettext("Has left"),
        Ending.DISSOLVED: gettext("Agency dissolved"),
        Ending.AGENCY: gettext("Asked for by the agency"),
        Ending.PROSECUTION: gettext("Asked for by investigators"),
    }


def foreign_devices() -> dict[str, str]:
    """What the key of such a certificate is on."""
    return {"token": gettext("USB token"), "sim": "SIM", "hsm": "HSM", "central": gettext("Central signing")}


def quota(size: int) -> str:
    return format_quota(size, language())
