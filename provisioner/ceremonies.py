"""Ceremonies in the product: from a plan to keys, to certificates in the books, and to the record on paper.

`provisioner ca init`, `provisioner ca ceremony FILE` and the demo all come here. A roll-over is a ceremony whose
plan has one authority more: only that one is made, and from then on it takes the orders.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from cryptography import x509
from sqlalchemy import select

from ca.authority import der
from ca.ceremony import ROOT, Ceremony, CeremonyFile, Hierarchy, hold, rehearse
from ca.crl import crl_number
from ca.errors import LintFailure
from ca.findings import Finding, errors
from ca.lint import lint
from ca.names import AuthoritySubject
from provisioner.audit import Change, Who, record
from provisioner.certificates import revoking_authorities
from provisioner.certificates.models import Issuer
from provisioner.certificates.recording import note_issued
from provisioner.db import after_commit
from provisioner.errors import Conflict, Text
from provisioner.failpoints import failpoint
from provisioner.reports.ceremony_record import Held, ceremony_record
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import keystore, open_authority, renew_list, seal_record


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One authority as a ceremony would make it, or as it stands already."""

    label: str
    subject: str
    profile: str
    not_before: datetime
    not_after: datetime
    stands: bool
    findings: tuple[Finding, ...]
    """What the lint says that does not stop the signature."""


def hierarchy(settings: Settings) -> Hierarchy:
    """The authorities as the settings describe them, for `provisioner ca init` and the demo."""
    section = settings.authority
    return Hierarchy(
        owner=section.owner,
        province=section.province,
        domains=section.domains,
        base_url=section.base_url,
        generation=section.generation,
    )


def rehearse_ceremony(services: Services, plan: Hierarchy) -> list[Rehearsed]:
    """What `hold_ceremony` would make of this plan, with throw-away keys; nothing is made.

    Raises what the ceremony would raise for the plan, and for an authority that stands and does not fit it.
    """
    _require_our_address(services.settings, plan)
    profiles, standing = services.profiles, _published(services)
    rehearsal = rehearse(plan, profiles=profiles, now=services.clock())
    told = []
    for label, profile, subject in _authorities_of(plan):
        known, above = standing.get(f"{label}.cer"), standing.get(f"{plan.label(ROOT)}.cer")
        certificate = x509.load_der_x509_certificate(known) if known else rehearsal.certificates[label]
        issuer = x509.load_der_x509_certificate(above) if known and above else rehearsal.root
        findings = lint(certificate, profile=profiles[profile], issuer=issuer, expected=subject)
        if stopping := errors(findings):
            raise LintFailure(stopping)
        told.append(
            Rehearsed(
                label=label,
                subject=subject.common_name,
                profile=profile,
                not_before=certificate.not_valid_before_utc,
                not_after=certificate.not_valid_after_utc,
                stands=known is not None,
                findings=findings,
            )
        )
    return told


def hold_ceremony(services: Services, plan: Hierarchy | None = None, *, by: str) -> Ceremony:
    """Make what is missing of the hierarchy and put its certificates and lists into the books.

    The plan is that of the settings unless another is given. Holding it twice changes nothing. Raises
    `Conflict` when the plan publishes elsewhere than the settings say, LintFailure when it breaks a rule,
    and what the key store raises.
    """
    settings, now = services.settings, services.clock()
    plan = plan or hierarchy(settings)
    _require_our_address(settings, plan)
    earlier = _published(services)
    ceremony = hold(plan, keystore(settings), profiles=services.profiles, now=now, earlier=earlier)
    profiles = {label: profile for label, profile, _ in _authorities_of(plan)}
    with services.database.transaction() as session:
        known = {row.label: row.id for row in session.execute(select(Issuer.label, Issuer.id))}
        for label, certificate in ceremony.certificates.items():
            if label in known:
                continue
            crl = ceremony.lists[label]
            made = Issuer(
                label=label,
                certificate=der(certificate),
                parent_id=known.get(plan.label(ROOT)),
                crl=der(crl),
                crl_number=crl_number(crl),
                crl_next_update=crl.next_update_utc,
            )
            session.add(made)
            session.flush()  # those below name it as their parent
            known[label] = made.id
            after = {"serial": f"{certificate.serial_number:x}"}
            record(session, Who(by), [Change("authority.made", "issuer", label, after=after)], now=now)
            profile = services.profiles[profiles[label]]
            note_issued(session, [(made.certificate, profile)], issuer=plan.label(ROOT), now=now)
            for bell in ("responders", "signing"):
                after_commit(session, bell)
    # The first list of an authority knows of no delta: the next one follows at once and both are served.
    for label in ceremony.certificates:
        renew_list(services, label)
    seal_record(services)
    return ceremony


def revoke_authority(services: Services, label: str, *, digest: str, by: str) -> int:
    """Agree to revoke an issuing authority and have its root's list say so; the number of that list.

    For where the root's key is: without it nothing happens. Killed between the two, calling it again signs the
    list. Raises as `revoking_authorities.approve` does, and what the key store raises.
    """
    with services.database.reading() as session:
        root = revoking_authorities.root_above(session, label)
    open_authority(services, root)
    with services.database.transaction() as session:
        revoking_authorities.approve(
            session, label, digest=digest, by=by, within=services.proposals_last, now=services.clock()
        )
    failpoint("authority.revoked")
    renew_list(services, root)
    seal_record(services)
    with services.database.reading() as session:
        return session.scalars(select(Issuer.crl_number).where(Issuer.label == root)).one()


def write_record(
    services: Services, file: CeremonyFile, ceremony: Ceremony, *, made: Collection[str], began: datetime
) -> bytes:
    """The record (biên bản) of a ceremony as PDF; what stood before is told apart from what was made, by label.

    Raises what `typeset` raises.
    """
    section = services.settings.authority
    held = Held(
        ceremony=ceremony,
        occasion=file.occasion,
        plan_sha256=file.sha256,
        made=frozenset(made),
        began=began,
        ended=services.clock(),
        store=f"thiết bị PKCS#11, token «{section.token}»"
        if section.store == "pkcs11"
        else "tệp mã hóa PKCS#8",
        software=f"congvu-provisioner {version('congvu-provisioner')}",
    )
    return ceremony_record(held)


def _published(services: Services) -> Mapping[str, bytes]:
    """The files of the authorities that the books know, as `Ceremony.files` names them."""
    with services.database.reading() as session:
        known = session.execute(select(Issuer.label, Issuer.certificate, Issuer.crl)).all()
    files = {f"{row.label}.cer": row.certificate for row in known}
    return files | {f"{row.label}.crl": row.crl for row in known if row.crl}


def _authorities_of(plan: Hierarchy) -> list[tuple[str, str, AuthoritySubject]]:
    """Label, profile and subject of each authority, the root's first."""
    issuing = [(plan.label_of(each), each.profile, plan.issuing_subject(each)) for each in plan.issuing]
    return [(plan.label(ROOT), ROOT, plan.root_subject()), *issuing]


def _require_our_address(settings: Settings, plan: Hierarchy) -> None:
    """Raise `Conflict` unless the plan's certificates will lead to where this service publishes."""
    if plan.base_url != settings.authority.base_url:
        raise Conflict(
            Text(
                vi=f"Kế hoạch công bố tại {plan.base_url}, còn cài đặt authority.base_url là "
                f"{settings.authority.base_url}: hai nơi phải giống nhau.",
                en=f"The plan publishes at {plan.base_url}, the setting authority.base_url says "
                f"{settings.authority.base_url}: they have to be the same.",
            ),
            code="base-url-differs",
        )
