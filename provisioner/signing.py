"""The authority with its key: for the signer process and the command line only.

Nothing the web process can reach imports this module; an import contract says so.
"""

from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import select

from ca.authority import Authority, der
from ca.ceremony import ARL_DAYS, CRL_DAYS, MAIL, ROOT, Ceremony, Hierarchy, hold
from ca.crl import Reason, Revocation, build_crl, crl_number
from ca.filestore import FileKeyStore
from ca.profiles import load_profiles
from provisioner.audit import Change, Who, record
from provisioner.certificates.issuing import SIGNER, Desk, issue
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.subjects import Naming
from provisioner.errors import Conflict, Text
from provisioner.services import Services
from provisioner.settings import Settings


def hierarchy(settings: Settings) -> Hierarchy:
    """The authorities as the settings describe them."""
    section = settings.authority
    return Hierarchy(
        owner=section.owner,
        province=section.province,
        domains=section.domains,
        base_url=section.base_url,
        generation=section.generation,
    )


def keystore(settings: Settings) -> FileKeyStore:
    return FileKeyStore(settings.authority.folder, settings.passphrase().reveal().encode())


def hold_ceremony(services: Services, *, by: str) -> Ceremony:
    """Make what is missing of the hierarchy and put its certificates and lists into the books.

    Holding it twice changes nothing.
    """
    settings, now = services.settings, services.clock()
    with services.database.reading() as session:
        known = session.execute(select(Issuer.label, Issuer.certificate, Issuer.crl)).all()
    earlier = {f"{row.label}.cer": row.certificate for row in known}
    earlier |= {f"{row.label}.crl": row.crl for row in known if row.crl}
    ceremony = hold(
        hierarchy(settings),
        keystore(settings),
        profiles=load_profiles(settings.authority.profiles),
        now=now,
        earlier=earlier,
    )
    with services.database.transaction() as session:
        labels = {row.label for row in known}
        for label, certificate in ceremony.certificates.items():
            if label in labels:
                continue
            crl = ceremony.lists[label]
            session.add(
                Issuer(
                    label=label,
                    certificate=der(certificate),
                    crl=der(crl),
                    crl_number=crl_number(crl),
                    crl_next_update=crl.next_update_utc,
                )
            )
            after = {"serial": f"{certificate.serial_number:x}"}
            record(session, Who(by), [Change("authority.made", "issuer", label, after=after)], now=now)
    return ceremony


def open_desk(services: Services) -> Desk:
    """The mail authority with its key. Raises `Conflict` before the ceremony, and what the key store raises."""
    settings = services.settings
    plan = hierarchy(settings)
    label = plan.label(MAIL.name)
    return Desk(
        authority=Authority(
            _issuer_certificate(services, label),
            keystore(settings).load(label),
            base_url=settings.authority.base_url,
            label=label,
        ),
        profiles=load_profiles(settings.authority.profiles),
        naming=Naming(settings.authority.organization_identifier, settings.authority.state or None),
        sealer=services.sealer,
        clock=services.clock,
    )


def sign_certificates(services: Services, desk: Desk) -> int:
    """Issue every certificate that is ordered and ready; how many."""
    return issue(services.database, desk, chunk=services.settings.authority.chunk)


def renew_list(services: Services, name: str = MAIL.name) -> bool:
    """Sign a new revocation list when the authority's is past half its life; whether it was.

    The signer does so for the mail authority; the root's key is not in its reach in production,
    so the root's list is renewed in a ceremony.
    """
    settings, now = services.settings, services.clock()
    days = ARL_DAYS if name == ROOT else CRL_DAYS
    label = hierarchy(settings).label(name)
    with services.database.transaction() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == label).with_for_update()).one_or_none()
        if issuer is None or not _due(issuer, now, days):
            return False
        revoked = session.execute(
            select(Certificate.serial, Certificate.revoked_at, Certificate.revocation_reason).where(
                Certificate.issuer_id == issuer.id,
                Certificate.revoked_at.is_not(None),
                # SBR 4.10.1: an entry stays until after the certificate's own end.
                Certificate.not_after > now - timedelta(days=days),
            )
        )
        # RFC 5280 5.2.3: the number rises, and is committed together with the list that bears it.
        issuer.crl_number += 1
        crl = build_crl(
            x509.load_der_x509_certificate(issuer.certificate),
            keystore(settings).load(label),
            [
                Revocation(int(row.serial or "0", 16), row.revoked_at, Reason(row.revocation_reason))
                for row in revoked
                if row.revoked_at
            ],
            number=issuer.crl_number,
            now=now,
            days=days,
        )
        issuer.crl, issuer.crl_next_update = der(crl), crl.next_update_utc
        after = {"number": issuer.crl_number}
        record(session, SIGNER, [Change("crl.signed", "issuer", label, after=after)], now=now)
    return True


def _due(issuer: Issuer, now: datetime, days: int) -> bool:
    return issuer.crl_next_update is None or issuer.crl_next_update - now < timedelta(days=days) / 2


def _issuer_certificate(services: Services, label: str) -> x509.Certificate:
    with services.database.reading() as session:
        certificate = session.scalar(select(Issuer.certificate).where(Issuer.label == label))
    if certificate is None:
        raise Conflict(
            Text(
                vi=f"Chưa có CA {label}; hãy chạy «provisioner ca init».",
                en=f"There is no authority {label} yet; run “provisioner ca init”.",
            ),
            code="no-authority",
        )
    return x509.load_der_x509_certificate(certificate)
