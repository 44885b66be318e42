"""Speed: linting, drafting and checking each signature costs no more than six bare certificates.

Run alone: `pytest --long -s tests/ca/test_speed.py`. Only the ratio is asserted, because
machines differ; both are measured in turns, in CPU time of this process.
"""

import statistics
import time
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.ca.world import NOW, a_person, mail_authority, profiles, world

ROUNDS, COUNT = 7, 200
GIVEN = ["Thị Ánh", "Văn Bình", "Minh Châu", "Đức Dũng", "Thu Hà", "Quốc Khánh", "Ngọc Lan"]


def roster() -> list[tuple[object, object]]:
    """Different people, each with a key of their own, in a few agencies."""
    people = [
        a_person(
            organization=f"Ủy ban nhân dân xã Số {n % 40}",
            given_name=GIVEN[n % 7],
            common_name=f"Nguyễn {GIVEN[n % 7]}",
            serial_number=f"CB-2026-{n:06}",
            email=f"canbo{n}@lamdong.gov.vn",
        )
        for n in range(COUNT)
    ]
    return [(person, ec.generate_private_key(ec.SECP256R1()).public_key()) for person in people]


def ours(person, public_key) -> None:
    authority = mail_authority()
    authority.sign(authority.prepare(profiles()["person-mail"], person, public_key, now=NOW))


def bare(person, public_key) -> None:
    """The same certificate with cryptography alone: no lint, no draft, no check of the signature."""
    key = world()[1].load("mail-g1")
    builder = (
        x509.CertificateBuilder()
        .issuer_name(mail_authority().certificate.subject)
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in person.attributes()]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=730))
    )
    for extension in TEMPLATE:
        value = extension.value
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName([x509.RFC822Name(person.email)])
        elif isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(public_key)
        builder = builder.add_extension(value, extension.critical)
    builder.sign(key, hashes.SHA384())


def _template() -> list[x509.Extension[x509.ExtensionType]]:
    public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
    draft = mail_authority().prepare(profiles()["person-mail"], a_person(), public_key, now=NOW)
    return list(draft.specimen.extensions)


TEMPLATE = _template()


def rate(make) -> float:
    people = roster()
    started = time.process_time()
    for person, public_key in people:
        make(person, public_key)
    return COUNT / (time.process_time() - started)


@pytest.mark.slow
def test_a_checked_certificate_costs_no_more_than_six_bare_ones():
    rates = [(rate(ours), rate(bare)) for _ in range(ROUNDS)]

    checked, plain = (statistics.median(column) for column in zip(*rates, strict=True))
    print(
        f"\nchecked {checked:,.0f}/s, bare {plain:,.0f}/s of CPU; ratio {checked / plain:.2f}"
        f" [{min(a / b for a, b in rates):.2f}-{max(a / b for a, b in rates):.2f}]"
    )
    assert checked / plain > 1 / 6
