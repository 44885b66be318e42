"""A ceremony from one file: rehearsed, held, written down, and rolled over to the next generation without a gap."""

import hashlib
import re
import shutil
from pathlib import Path

import pytest
from cryptography import x509

from provisioner.adapters.ldap import LdapDirectory
from tests.cli.console import Provisioner, told
from tests.cli.test_certificates import ANH, shown
from tests.cli.test_work import ONCE, set_going
from tests.reports.paper import text_of

EXAMPLE = Path(__file__).parents[2] / "config" / "ceremony.example.toml"
ROLLED_OVER = """
[[issuing]]
name = "mail"
profile = "mail-issuing"
title = "CA thư công vụ"
generation = "G2"
"""


@pytest.fixture
def plan(installation: Path, provisioner: Provisioner) -> Path:
    """The shipped example, to be changed; the books are there, and no authority."""
    return Path(shutil.copy(EXAMPLE, installation / "ceremony.toml"))


def tree(folder: Path) -> dict[str, str]:
    """Every file below this folder with its digest, and every folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in folder.rglob("*")
    }


def words(pdf: Path) -> str:
    """The text of a PDF with single spaces."""
    return re.sub(r"\s+", " ", text_of(pdf))


def grouped(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4)).upper()


def authorities(provisioner: Provisioner) -> dict[str, dict[str, object]]:
    return {each["label"]: each for each in told(provisioner("ca", "show", "--json"))}


@ONCE
def test_a_rehearsal_shows_what_would_be_made_and_makes_nothing(
    installation: Path, provisioner: Provisioner, plan: Path
) -> None:
    provisioner("ca", "show")
    before = tree(installation)

    said = provisioner("ca", "ceremony", plan, "--dry-run").stdout

    assert tree(installation) == before
    assert authorities(provisioner) == {}
    for fact in ("root-g1", "mail-g1", "document-g1", "CA ký văn bản tỉnh Lâm Đồng G1", "nothing was made"):
        assert fact in said
    assert hashlib.sha256(plan.read_bytes()).hexdigest() in said


@ONCE
def test_a_ceremony_makes_three_authorities_and_the_record_names_them_and_who_was_there(
    installation: Path, provisioner: Provisioner, plan: Path
) -> None:
    provisioner("ca", "ceremony", plan, "--by", "an")

    made = authorities(provisioner)
    (record,) = (installation / "authority" / "ceremonies").iterdir()
    text = words(record)
    assert set(made) == {"root-g1", "mail-g1", "document-g1"}
    assert "BIÊN BẢN" in text
    assert grouped(hashlib.sha256(plan.read_bytes()).hexdigest()) in text
    for authority in made.values():
        assert grouped(str(authority["sha256"])) in text
    for fact in (
        "Nguyễn Văn An",
        "NGƯỜI CHỨNG KIẾN",
        "Phòng máy chủ",
        "Đã tạo 3 khóa",
        "Quyết định số 01/QĐ-UBND",
    ):
        assert fact in text
    assert "Đã có từ trước" not in text
    assert record.stat().st_mode & 0o077 == 0


@ONCE
def test_a_ceremony_held_again_changes_nothing_and_its_record_says_what_stood(
    installation: Path, provisioner: Provisioner, plan: Path
) -> None:
    provisioner("ca", "ceremony", plan)
    made, before = authorities(provisioner), tree(installation / "authority")

    assert "nothing to make" in provisioner("ca", "ceremony", plan).stdout
    provisioner("ca", "ceremony", plan, "--record", installation / "again.pdf")

    assert authorities(provisioner) == made
    assert tree(installation / "authority") == before
    text = words(installation / "again.pdf")
    assert "Không tạo khóa hay chứng thư mới" in text
    assert "Đã có từ trước và giữ nguyên" in text


@ONCE
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("http://pki.lamdong.gov.vn", "http://pki.laocai.gov.vn", "base-url-differs"),
        ('name = "document"', 'name = "mail"', "plan.names"),
        ('profile = "document-issuing"', 'profile = "person-mail"', "profile.subject-kind"),
        ('profile = "document-issuing"', 'profile = "none"', "profile.missing"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_before_any_key_is_made(
    installation: Path, provisioner: Provisioner, plan: Path, old: str, new: str, code: str
) -> None:
    plan.write_text(plan.read_text("utf-8").replace(old, new), "utf-8")

    assert f"[{code}]" in provisioner("ca", "ceremony", plan, status=1).stderr
    assert not (installation / "authority").exists()


@ONCE
def test_a_file_that_no_longer_fits_what_stands_is_refused(
    installation: Path, provisioner: Provisioner, plan: Path
) -> None:
    provisioner("ca", "ceremony", plan)
    before = tree(installation / "authority")
    plan.write_text(plan.read_text("utf-8").replace('["lamdong.gov.vn"]', '["laocai.gov.vn"]'), "utf-8")

    for rehearsed in ([], ["--dry-run"]):
        assert provisioner("ca", "ceremony", plan, *rehearsed, status=1).stderr.startswith("provisioner:")
    assert tree(installation / "authority") == before


@pytest.fixture
def rolled_over(
    installation: Path, provisioner: Provisioner, plan: Path, with_slapd: LdapDirectory
) -> dict[str, str]:
    """A certificate of the first generation, and then the second; the first certificate as it was shown."""
    provisioner("ca", "ceremony", plan)
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")
    old = shown(provisioner, ANH)[0]
    plan.write_text(plan.read_text("utf-8") + ROLLED_OVER, "utf-8")
    provisioner("ca", "ceremony", plan, "--record", installation / "second.pdf")
    return old


@ONCE
def test_after_a_roll_over_the_new_authority_issues_and_the_old_one_goes_on_answering(
    installation: Path, provisioner: Provisioner, rolled_over: dict[str, str]
) -> None:
    assert "Đã tạo 1 khóa" in words(installation / "second.pdf")
    before = authorities(provisioner)
    provisioner("ca", "verify")

    # The owner's certificate is revoked, and the next one ordered: by now that is the second generation's work.
    provisioner("certificates", "reissue", ANH, "--reason", "superseded")
    provisioner("work", "--until-idle")

    new, old = shown(provisioner, ANH)
    assert (old["serial"], old["revocation_reason"]) == (rolled_over["serial"], "superseded")
    after = authorities(provisioner)
    assert after["mail-g2"]["issued"] == 1
    assert after["mail-g1"]["issued"] == before["mail-g1"]["issued"]
    assert int(str(after["mail-g1"]["crl_number"])) > int(str(before["mail-g1"]["crl_number"]))
    assert "OpenSSL refused 0" in provisioner("ca", "verify").stdout

    provisioner("ca", "export", "--out", installation / "out")
    crl = x509.load_der_x509_crl((installation / "out" / "mail-g1.crl").read_bytes())
    assert crl.get_revoked_certificate_by_serial_number(int(old["serial"], 16)) is not None
    issuer = x509.load_der_x509_certificate((installation / "out" / "mail-g2.cer").read_bytes())
    issued = x509.load_der_x509_certificate(
        (installation / "out" / "issued" / f"{new['serial']}.cer").read_bytes()
    )
    issued.verify_directly_issued_by(issuer)


@ONCE
def test_two_people_revoke_an_authority_and_what_it_certified_is_ordered_anew(
    provisioner: Provisioner, plan: Path
) -> None:
    provisioner("ca", "ceremony", plan)
    said = ("mail-g1", "--reason", "cACompromise", "--note", "Công văn 12", "--by", "an")
    proposed = provisioner("ca", "revoke-authority", "plan", *said).stdout
    (digest,) = re.findall(r"[0-9a-f]{64}", proposed)
    assert "0 certificates that are good would fall" in proposed
    agreed = ("ca", "revoke-authority", "approve", "mail-g1", "--digest", digest, "--by")
    assert "[two-people]" in provisioner(*agreed, "an", status=1).stderr
    assert "[not-fallen]" in provisioner("ca", "reissue", "mail-g1", status=1).stderr

    assert "provisioner ca reissue mail-g1" in provisioner(*agreed, "binh").stdout

    made = authorities(provisioner)
    assert "cACompromise, certificates below it are being revoked" in str(made["mail-g1"]["revoked"])
    assert (made["root-g1"]["crl_number"], made["root-g1"]["revoked"]) == (2, None)
    assert "all agree" in provisioner("ca", "verify-record").stdout
    provisioner("ca", "revoke-authority", "plan", "root-g1", *said[1:], status=1)
