"""The authorities with their keys: for the signer process and the command line only.

Nothing the web process can reach imports this module; an import contract says so. The books say which
authorities there are: of several generations of one name the newest takes orders, the earlier ones go on
answering for what they issued. Each works for itself, so that one whose key is away stops no other.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from sqlalchemy import select

from ca.authority import Authority
from ca.ceremony import MAIL, ROOT
from ca.errors import CaError, KeyStoreError
from ca.filestore import FileKeyStore
from ca.keys import KeyStore
from ca.log import CheckpointSigner
from provisioner.audit import Who
from provisioner.certificates.delegating import delegate_answers as delegate
from provisioner.certificates.issuing import Desk, has_orders, issue
from provisioner.certificates.journal import Journal
from provisioner.certificates.journal_lost import write_again
from provisioner.certificates.listing import list_days, publish_list
from provisioner.certificates.models import Issuer, name_of
from provisioner.certificates.pausing import SIGNER, pause, resume, stopped_by, waits_for_a_person
from provisioner.certificates.recording import is_unsealed, record_origin, seal
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_recovering import recover_record
from provisioner.certificates.recovering import Recovered, Unbalanced, recover, require_balance
from provisioner.certificates.seen import seen_in
from provisioner.errors import Conflict, Misconfigured, ProvisionerError, Text, Unavailable
from provisioner.services import Services
from provisioner.settings import ROOT as TREE
from provisioner.settings import Settings

Result = TypeVar("Result")


def filestore(settings: Settings) -> FileKeyStore:
    """The encrypted files in the authority's folder; what keys a module does not hold lie there too."""
    return FileKeyStore(settings.authority.folder, settings.passphrase().reveal().encode())


def keystore(settings: Settings, *, after_wrong_pin: bool = False) -> KeyStore:
    """Where the settings say that the authorities' keys live; nothing is opened yet.

    `after_wrong_pin` is a person's word that the PIN is right although the token refused one.
    """
    section = settings.authority
    if section.store == "file":
        return filestore(settings)
    for name in ("module", "token"):
        if not getattr(section, name):
            raise Misconfigured(
                Text(
                    vi=f"Cài đặt authority.{name} còn trống, nhưng authority.store là pkcs11.",
                    en=f"The setting authority.{name} is empty, and authority.store is pkcs11.",
                ),
                code="setting-wrong",
            )
    # Imported here: whoever keeps keys in files does without the library of the modules.
    from ca.hsm import Pkcs11KeyStore  # noqa: PLC0415

    return Pkcs11KeyStore(
        section.module, section.token, lambda: settings.pin().reveal(), after_wrong_pin=after_wrong_pin
    )


def journal(settings: Settings, label: str) -> Journal:
    """The journal of this authority, beside its key unless the settings name another disk."""
    return Journal(journal_folder(settings), label)


def journal_folder(settings: Settings) -> Path:
    """Where the signer's journals, its newest lists and its record lie."""
    section = settings.authority
    if section.journal:
        return TREE / section.journal
    # Made here, since a folder that is made on the way to another is open to everybody.
    section.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return section.folder / "journal"


def record_file(settings: Settings) -> RecordFile:
    """The record on the signer's own disk."""
    return RecordFile(journal_folder(settings))


def checkpoint_signer(settings: Settings) -> CheckpointSigner:
    """Who signs the record: a key of its own, in a file beside the others, made when it is first asked for."""
    return CheckpointSigner(record_origin(settings.authority.base_url), filestore(settings).log_key("record"))


def issuing_labels(services: Services) -> list[str]:
    """Every authority that issues or has issued certificates, oldest first; not the root."""
    return [label for label in _labels(services) if name_of(label) != ROOT]


def _labels(services: Services) -> list[str]:
    """Every authority, the root first."""
    with services.database.reading() as session:
        return list(session.scalars(select(Issuer.label).order_by(Issuer.id)))


def open_desk(services: Services, label: str | None = None) -> Desk:
    """An issuing authority with its key, and the journal it writes: the newest for mail unless another is named.

    Raises `Conflict` before the ceremony, or when the books lack what the journal knows, `Unavailable`
    when its PIN was refused before, and what the key store raises.
    """
    settings = services.settings
    label = _issuer(services, label or _newest(services, MAIL.name)).label
    # Books from an old backup may not know that this authority is revoked; the root's newest list does.
    for witness in (label, *(each for each in _labels(services) if name_of(each) == ROOT)):
        require_balance(services.database, journal(settings, witness))
    return Desk(
        authority=open_authority(services, label),
        profiles=services.profiles,
        naming=services.certificate_naming,
        sealer=services.sealer,
        journal=journal(settings, label),
        clock=services.clock,
    )


def open_authority(services: Services, label: str) -> Authority:
    """The authority of this label with its key; an alarm that its key was away ends. Raises as `open_desk` does."""
    settings = services.settings
    issuer = _issuer(services, label)
    if waits_for_a_person(issuer):
        why = stopped_by(issuer)
        raise Unavailable(
            Text(
                vi=f"CA {label} đang tạm dừng: {why.vi} Hãy chạy «provisioner ca resume».",
                en=f"The authority {label} is paused: {why.en} Run “provisioner ca resume”.",
            ),
            code="authority-paused",
        )
    authority = Authority(
        x509.load_der_x509_certificate(issuer.certificate),
        keystore(settings).load(label),
        base_url=settings.authority.base_url,
        label=label,
    )
    if issuer.trouble is not None:
        with services.database.transaction() as session:
            resume(session, [label], who=SIGNER, now=services.clock())
    return authority


def sign_certificates(services: Services) -> int:
    """Issue every certificate that is ordered and ready, at each authority; how many."""

    def sign(label: str) -> int:
        with services.database.reading() as session:
            if not has_orders(session, label):
                return 0
        return issue(services.database, open_desk(services, label), chunk=services.settings.authority.chunk)

    return sum(_at_each(services, sign))


def renew_lists(services: Services) -> int:
    """Sign the next revocation list of each issuing authority that is due one; how many.

    The root's key is not in the signer's reach in production: its list is renewed in a ceremony.
    """
    return sum(_at_each(services, lambda label: renew_list(services, label)))


def renew_list(services: Services, label: str) -> bool:
    """Sign this authority's next revocation list when it is due; whether it was."""
    book = journal(services.settings, label)
    require_balance(services.database, book)
    return publish_list(
        services.database,
        open_authority(services, label),
        book,
        days=list_days(label),
        clock=services.clock,
    )


def delegate_answers(services: Services) -> int:
    """Certify the next keys that answer OCSP where they are due; how many."""
    return sum(_at_each(services, lambda label: delegate(services.database, open_desk(services, label))))


def seal_record(services: Services) -> int:
    """Take what was issued, revoked and released into the record and sign it; how many leaves.

    Raises as `recording.seal` does.
    """
    with services.database.reading() as session:
        if not session.scalar(select(is_unsealed())):
            return 0
    settings = services.settings
    return seal(services.database, checkpoint_signer(settings), record_file(settings), clock=services.clock)


def write_journals_again(services: Services, *, who: Who) -> int:
    """Write into each authority's journal what only the books still know; how many lines. See `journal_lost`."""
    now, settings = services.clock(), services.settings
    return sum(
        write_again(services.database, journal(settings, label), who=who, now=now)
        for label in _labels(services)
    )


def recover_authorities(services: Services, *, in_directory: Iterable[bytes], who: Who) -> Recovered:
    """Rebuild the books of every authority, the root's too, from journals, newest lists and directory; see `recover`."""
    found, unread = seen_in(in_directory)
    done = Recovered(unread=unread)
    for label in _labels(services):
        one = recover(
            services.database,
            journal(services.settings, label),
            in_directory=found,
            who=who,
            now=services.clock(),
        )
        for name, count in vars(one).items():
            setattr(done, name, getattr(done, name) + count)
    recover_record(services.database, record_file(services.settings), done, who=who, now=services.clock())
    return done


def resume_authorities(services: Services, *, who: Who) -> int:
    """Try the keys again that were refused, on a person's word, and go on; how many authorities were paused.

    Raises what the key store raises: then nothing is resumed, and the PIN was tried once.
    """
    labels = set(keystore(services.settings, after_wrong_pin=True).labels())
    with services.database.transaction() as session:
        return resume(session, sorted(labels), who=who, now=services.clock())


def _at_each(services: Services, work: Callable[[str], Result]) -> list[Result]:
    """Do this work for each issuing authority; what one cannot do stops no other.

    A key that cannot be used pauses its authority, with an alarm in the books, and so do books from an old backup. Any
    other error is raised when all have had their turn.
    """
    done: list[Result] = []
    stopped: list[ProvisionerError | CaError] = []
    for label in issuing_labels(services):
        if waits_for_a_person(_issuer(services, label)):
            continue
        try:
            done.append(work(label))
        except (KeyStoreError, Unbalanced) as error:
            with services.database.transaction() as session:
                pause(session, label, error, now=services.clock())
        except (ProvisionerError, CaError) as error:
            stopped.append(error)
    if stopped:
        raise stopped[0]
    return done


def _newest(services: Services, name: str) -> str:
    """The label of the newest authority of this name; before the ceremony just the name, which nobody has."""
    labels = [label for label in _labels(services) if name_of(label) == name]
    return labels[-1] if labels else name


def _issuer(services: Services, label: str) -> Issuer:
    with services.database.reading() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one_or_none()
    if issuer is None:
        raise Conflict(
            Text(
                vi=f"Chưa có CA {label}; hãy chạy «provisioner ca init».",
                en=f"There is no authority {label} yet; run “provisioner ca init”.",
            ),
            code="no-authority",
        )
    return issuer
