"""Whatever name comes: it is refused with a code, or its certificate passes every check."""

import subprocess
import unicodedata

from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ca.errors import LintFailure
from ca.findings import RULES
from ca.lint import lint
from ca.names import OrganizationSubject, PersonSubject
from tests.ca import second_opinion
from tests.ca.world import NOW, a_person, a_public_key, mail_authority, profiles

VIETNAMESE = "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
HOSTILE = st.sampled_from(
    [
        "\x00",
        "\n",
        "\u200b",
        "\u202e",
        "\ufeff",
        "\u00a0",
        "\ud800",
        "\U0001f600",
        "<",
        "'",
        '"',
        ",",
        "+",
        "=",
        "\\",
        "#",
        "&amp;",
        "&",
        "-",
        ".",
    ]
)

words = st.text(VIETNAMESE, min_size=1, max_size=9).map(str.capitalize)
clean = st.lists(words, min_size=1, max_size=14).map(" ".join)
decomposed = clean.map(lambda name: unicodedata.normalize("NFD", name))
hostile = st.lists(words | HOSTILE | st.text(max_size=4), max_size=8).map("".join)
names = st.one_of(clean, clean, clean, decomposed, hostile, st.text(max_size=80))
identifiers = st.one_of(st.from_regex(r"[A-Z0-9.-]{1,12}", fullmatch=True), hostile)
organization_identifiers = st.sampled_from(["GOVVN", "GOVVN+35"]) | hostile
local_parts = st.from_regex(r"[a-z0-9._-]{1,70}", fullmatch=True)
mailboxes = st.one_of(
    local_parts.map(lambda local: f"{local}@lamdong.gov.vn"), hostile, st.just("a@evil.com")
)

PEOPLE = {
    "organization": names,
    "organization_identifier": organization_identifiers,
    "surname": names,
    "given_name": st.none() | names,
    "common_name": names,
    "serial_number": identifiers,
    "email": mailboxes,
    "title": st.none() | names,
    "state": st.none() | names,
}


@st.composite
def nearly_clean_people(draw) -> PersonSubject:
    """A good person with at most two wild values: most of them reach a certificate."""
    wild = draw(st.sets(st.sampled_from(sorted(PEOPLE)), max_size=2))
    return a_person(**{field: draw(PEOPLE[field]) for field in sorted(wild)})


people = st.builds(PersonSubject, **PEOPLE) | nearly_clean_people()
agencies = st.builds(
    OrganizationSubject,
    organization=names,
    organization_identifier=organization_identifiers,
    serial_number=identifiers,
    email=mailboxes,
    state=st.none() | names,
)
quietly = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def issue_or_codes(subject):
    authority = mail_authority()
    profile = profiles()["person-mail" if isinstance(subject, PersonSubject) else "organization-mail"]
    try:
        return authority.sign(authority.prepare(profile, subject, a_public_key(), now=NOW)), profile
    except LintFailure as refused:
        require_words(refused.findings)
        return None, profile


def require_words(findings) -> None:
    assert findings
    for finding in findings:
        assert finding.code in RULES
        assert finding.text.vi.isprintable()


@quietly
@given(people | agencies)
def test_any_subject_is_refused_with_a_code_or_certified_as_it_stands(subject):
    certificate, profile = issue_or_codes(subject)

    if certificate is not None:
        assert lint(certificate, profile=profile, issuer=mail_authority().certificate, expected=subject) == ()
        values = {a.oid: a.value for a in certificate.subject}
        assert tuple(values.items()) == subject.attributes()


@settings(quietly, max_examples=40)
@given(nearly_clean_people())
def test_whatever_is_certified_passes_the_second_opinion(subject):
    certificate, _ = issue_or_codes(subject)

    if certificate is not None:
        assert second_opinion.smime_findings(certificate, "person-mail") == []


@settings(quietly, max_examples=30)
@given(nearly_clean_people() | agencies)
def test_openssl_reads_back_the_name_of_whatever_is_certified(subject):
    certificate, _ = issue_or_codes(subject)
    if certificate is None:
        return

    shown = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-subject", "-nameopt", "sep_multiline,utf8,oid"],
        input=certificate.public_bytes(Encoding.DER),
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8")

    lines = [line.strip(" ") for line in shown.removesuffix("\n").split("\n")[1:]]
    assert lines == [f"{oid.dotted_string}={value}" for oid, value in subject.attributes()]


@given(clean.filter(lambda name: len(name) <= 64 and len(name.encode()) <= 64))
@settings(quietly, max_examples=60)
def test_every_clean_vietnamese_name_is_certified(name):
    surname, _, given_name = name.partition(" ")
    subject = PersonSubject(
        "Sở Nội vụ", "GOVVN+35", surname, given_name or None, name, "CB-1", "a@lamdong.gov.vn"
    )

    certificate, _ = issue_or_codes(subject)

    assert certificate is not None
