"""The oracle sees what is lost, doubled or wrong: an oracle that cannot object proves nothing."""

from collections.abc import Callable

from sqlalchemy import delete, insert, select, update

from provisioner.audit import AuditEvent
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.recording_models import Leaf
from provisioner.db import table_of
from provisioner.mailboxes.models import Kind, Mailbox
from provisioner.rosters.models import RosterRow
from provisioner.signing import seal_record, sign_certificates
from tests.faults.world import World
from tests.invariants import judge
from tests.ldap_server import raw


def test_the_oracle_sees_every_kind_of_breach(world: Callable[..., World]) -> None:
    province = world()
    province.begin()
    province.services.apply_rosters()
    province.services.sync_directory()
    sign_certificates(province.services)
    province.services.sync_directory()
    seal_record(province.services)
    province.hold()

    _harm_books(province)
    _harm_directory(province)

    found = {(breach.invariant, breach.loss) for breach in judge(province.services).breaches}
    assert found == {
        ("I1", "lost"),  # a row that was never applied, and one without its certificate
        ("I3", "lost"),  # an entry that is gone
        ("I3", "wrong"),  # an entry that was changed, and one that says a certificate of before
        ("I4", "lost"),  # an order that nobody works on
        ("I4", "wrong"),  # a certificate over other bytes than those committed
        ("I7", "lost"),  # a revoked certificate that is on no list
        ("I7", "wrong"),  # a list under another number than its own
        ("I8", "lost"),  # a change without its audit event
        ("I8", "doubled"),  # one that stands in the trail twice
        ("I2", "doubled"),  # two entries of one mailbox
        ("I13", "wrong"),  # a certificate that the record has and the books do not
        ("I13", "lost"),  # a certificate that was never recorded
        ("I13", "doubled"),  # an issuance that stands in the record twice
    }


def _harm_books(province: World) -> None:
    audit = table_of(AuditEvent)
    with province.services.database.transaction() as session:
        row = session.scalars(select(RosterRow.id).limit(1)).one()
        session.execute(update(RosterRow).where(RosterRow.id == row).values(applied_at=None))
        one, other = session.execute(
            select(Certificate.id, Certificate.tbs).where(Certificate.state == State.ISSUED).limit(2)
        ).all()
        session.execute(update(Certificate).where(Certificate.id == one.id).values(tbs=other.tbs))
        session.execute(
            update(Certificate).where(Certificate.id == other.id).values(state=State.ORDERED, der=None)
        )
        session.execute(
            update(Certificate).where(Certificate.id == one.id).values(revoked_at=province.services.clock())
        )
        session.execute(update(Issuer).values(crl_number=Issuer.crl_number + 1))
        events = session.execute(
            select(audit).where(audit.c.action == "person.created").order_by(audit.c.id.desc()).limit(2)
        ).mappings()
        gone, twice = events.all()
        session.execute(delete(AuditEvent).where(AuditEvent.id == gone["id"]))
        session.execute(insert(audit), [{k: v for k, v in twice.items() if k != "id"}])
        newest = select(Leaf).order_by(Leaf.position.desc()).limit(2)
        missing, doubled = session.scalars(newest).all()
        session.execute(delete(Leaf).where(Leaf.id == missing.id))
        session.add(Leaf(issuer=doubled.issuer, serial=doubled.serial, leaf=doubled.leaf))


def _harm_directory(province: World) -> None:
    dit = province.services.dit
    with province.services.database.reading() as session:
        accounts = session.scalars(
            select(Mailbox.account_id)
            .where(Mailbox.kind == Kind.PERSONAL)
            .order_by(Mailbox.id.desc())
            .limit(3)
        ).all()
    gone, changed, copied = map(dit.person, accounts)
    with raw(province.slapd, password=province.password) as connection:
        connection.delete(gone)
        connection.modify(changed, {"sn": [("MODIFY_REPLACE", ["Khác"])]})
        attributes = connection.search(copied, "(objectClass=*)", "BASE", attributes=["*"])[2][0][
            "raw_attributes"
        ]
        kept = {
            name: value for name, value in attributes.items() if name not in {"uid", "mail", "congvuAlias"}
        }
        connection.add(dit.person("f" * 32), attributes={**kept, "uid": "f" * 32, "mail": "x@lamdong.gov.vn"})
