"""Pausing an authority that cannot sign, mostly for want of its key, with an alarm in the books that stays until it can.

A token that is away is asked for again whenever there is work: nothing is lost by looking. A PIN that was
refused is never tried again, by no process and after no restart, before a person says that it is right: a few
wrong ones lock a token for good. Other authorities go on.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from ca.errors import KeyStoreError
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, Issuer, is_open
from provisioner.certificates.revoked_authorities import abandoned
from provisioner.db import after_commit, table_of
from provisioner.errors import ProvisionerError, Text
from provisioner.troubles import kept, told

SIGNER = Who("signer")

_PIN = "keystore.pin-"
"""How the codes of `ca.hsm` begin that a person has to clear."""


def pause(session: Session, label: str, error: KeyStoreError | ProvisionerError, *, now: datetime) -> None:
    """Note what stands in the way of this authority's signatures; told once, however often it happens.

    A PIN opens the keys of all authorities: when it was refused, all of them are paused.
    """
    wanted = select(Issuer).order_by(Issuer.id).with_for_update()
    if not error.code.startswith(_PIN):
        wanted = wanted.where(Issuer.label == label)
    paused = [issuer for issuer in session.scalars(wanted) if issuer.trouble != error.code]
    for issuer in paused:
        for name, value in kept(error).items():
            setattr(issuer, name, value)
        issuer.trouble_since = now
    record(
        session,
        SIGNER,
        [
            Change("authority.paused", "issuer", issuer.label, after={"reason": error.code})
            for issuer in paused
        ],
        now=now,
    )


def stopped_by(issuer: Issuer) -> Text:
    """What stands in the way of a paused authority."""
    return told(issuer.trouble_detail) or Text(vi=str(issuer.trouble), en=str(issuer.trouble))


def waits_for_a_person(issuer: Issuer) -> bool:
    """Whether the key may not even be asked for."""
    return issuer.trouble is not None and issuer.trouble.startswith(_PIN)


def at_rest(session: Session) -> frozenset[str]:
    """The authorities, by label, that sign nothing however often they are called: given up, or waiting for a person."""
    waiting = session.scalars(select(Issuer.label).where(Issuer.trouble.startswith(_PIN, autoescape=True)))
    return abandoned(session) | frozenset(waiting)


def resume(session: Session, labels: Sequence[str], *, who: Who, now: datetime) -> int:
    """These authorities' keys can be used again; how many were paused.

    Orders that waited for a profile that had gone get another try too.
    """
    paused = session.scalars(
        select(Issuer).where(Issuer.label.in_(labels), Issuer.trouble.is_not(None)).with_for_update()
    ).all()
    changes = []
    for issuer in paused:
        changes.append(Change("authority.resumed", "issuer", issuer.label, before={"reason": issuer.trouble}))
        issuer.trouble = issuer.trouble_detail = issuer.trouble_since = None
    record(session, who, changes, now=now)
    session.execute(
        update(table_of(Certificate))
        .where(is_open(), Certificate.trouble.is_not(None))
        .values(trouble=None, trouble_detail=None)
    )
    for bell in ("signing", "lists"):
        after_commit(session, bell)
    return len(paused)
