"""The authority with its key: for the signer process and the command line only.

Nothing the web process can reach imports this module; an import contract says so.
"""

from collections.abc import Iterable

from cryptography import x509
from sqlalchemy import select

from ca.authority import Authority, der
from ca.ceremony import ARL_DAYS, CRL_DAYS, MAIL, ROOT, Ceremony, Hierarchy, hold
from ca.crl import crl_number
from ca.filestore import FileKeyStore
from provisioner.audit import Change, Who, record
from provisioner.certificates.delegating import delegate_answers as delegate
from provisioner.certificates.issuing import Desk, issue
from provisioner.certificates.journal import Journal
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Issuer
from provisioner.certificates.recovering import Recovered, recover, require_balance
from provisioner.errors import Conflict, Text
from provisioner.services import Services
from provisioner.settings import ROOT as TREE
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


def journal(settings: Settings, label: str) -> Journal:
    """The journal of this authority, beside its key unless the settings name another disk."""
    section = settings.authority
    folder = TREE / section.journal if section.journal else section.folder / "journal"
    return Journal(folder, label)


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
        profiles=services.profiles,
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


def open_desk(services: Services, name: str = MAIL.name) -> Desk:
    """An issuing authority with its key, and the journal it writes.

    Raises `Conflict` before the ceremony, or when the books lack what the journal knows, and what the
    key store raises.
    """
    settings = services.settings
    authority = open_authority(services, name)
    book = journal(settings, authority.label)
    require_balance(services.database, book)
    return Desk(
        authority=authority,
        profiles=services.profiles,
        naming=services.certificate_naming,
        sealer=services.sealer,
        journal=book,
        clock=services.clock,
    )


def open_authority(services: Services, name: str) -> Authority:
    """The authority of this name (`root`, `mail`) with its key. Raises as `open_desk` does."""
    settings = services.settings
    label = hierarchy(settings).label(name)
    return Authority(
        _issuer_certificate(services, label),
        keystore(settings).load(label),
        base_url=settings.authority.base_url,
        label=label,
    )


def sign_certificates(services: Services, desk: Desk) -> int:
    """Issue every certificate that is ordered and ready; how many."""
    return issue(services.database, desk, chunk=services.settings.authority.chunk)


def renew_list(services: Services, name: str = MAIL.name) -> bool:
    """Sign a new revocation list when one is due; whether it was. False before the ceremony.

    The signer does so for the mail authority; the root's key is not in its reach in production,
    so the root's list is renewed in a ceremony.
    """
    label = hierarchy(services.settings).label(name)
    if not _is_there(services, label):
        return False
    book = journal(services.settings, label)
    require_balance(services.database, book)
    return publish_list(
        services.database,
        open_authority(services, name),
        book,
        days=ARL_DAYS if name == ROOT else CRL_DAYS,
        clock=services.clock,
    )


def delegate_answers(services: Services, name: str = MAIL.name) -> bool:
    """Certify the next key that answers OCSP when one is due; whether it was. False before the ceremony."""
    if not _is_there(services, hierarchy(services.settings).label(name)):
        return False
    return delegate(services.database, open_desk(services, name))


def _is_there(services: Services, label: str) -> bool:
    with services.database.reading() as session:
        return session.scalar(select(Issuer.id).where(Issuer.label == label)) is not None


def recover_authority(
    services: Services, name: str = MAIL.name, *, in_directory: Iterable[bytes], who: Who
) -> Recovered:
    """Rebuild the books of this authority from its journal, its newest list and the directory; see `recover`."""
    label = hierarchy(services.settings).label(name)
    return recover(
        services.database,
        journal(services.settings, label),
        in_directory=in_directory,
        who=who,
        now=services.clock(),
    )


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
