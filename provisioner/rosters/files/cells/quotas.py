"""Quotas in cells: read as everywhere, and refused with the row."""

from provisioner.errors import Invalid
from provisioner.mailboxes.quotas import parse_quota
from provisioner.rosters.files.problems import Notes


def quota_bytes(text: str, notes: Notes) -> int | None:
    """Bytes, as `parse_quota` reads them; None and a refusal when it is no clear size, or none that a mailbox may have."""
    try:
        return parse_quota(text)
    except Invalid as problem:
        notes.refuse(problem.code, vi=problem.text.vi, en=problem.text.en)
        return None
