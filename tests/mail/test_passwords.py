"""Passwords: what the policy lets through, and a hash that the directory and nobody else can check."""

from datetime import date
from pathlib import Path

import pytest

from provisioner.errors import Invalid, Misconfigured
from provisioner.mail.passwords import Owner, PasswordPolicy, check, hashed, matches
from provisioner.secret import Secret
from provisioner.settings import ROOT

POLICY = PasswordPolicy.load(ROOT / "config" / "passwords" / "policy.toml")
OWNER = Owner(("Nguyễn Thị Ánh Tuyết",), ("tuyetnta@lamdong.gov.vn",), date(1988, 3, 5))


def verdict(password: str, *, former: list[str] | None = None) -> str:
    """The code of the refusal; empty when the password may be had."""
    try:
        check(Secret(password), policy=POLICY, owner=OWNER, former=former or [])
    except Invalid as refused:
        return "repeated" if password in refused.text.vi + refused.text.en else refused.code
    return ""


@pytest.mark.parametrize(
    "password",
    [
        "Cao-nguyen8xanh",
        "mua.Roi4trenDoi",
        "Thong!Reo7ngan",
        "x9$kLw2_Qp",
        "Ba con 5 Meo!",
        "Thanh-8reo!tuyet",
    ],
)
def test_a_good_password_may_be_had(password: str) -> None:
    assert verdict(password) == ""


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("Ab1!xyz", "password-too-short"),
        ("Ab1!" * 40, "password-too-long"),
        ("Đồi-thông8xanh", "password-unreadable"),
        (" Cao-nguyen8xanh", "password-unreadable"),
        ("Cao-nguyen8\txanh", "password-unreadable"),
        ("caonguyenxanh", "password-too-simple"),
        ("Caonguyen8xanh", "password-too-simple"),
        ("P@ssw0rd1!", "password-common"),
        ("Matkhau@2026", "password-common"),
        ("Lamdong#123", "password-common"),
        ("Admin@12345", "password-common"),
        ("12345678aA!", "password-common"),
        ("Aa1!Aa1!Aa1!", "password-common"),
        ("Aaaaaaa1!", "password-common"),
        ("Tuyet@1988", "password-names-owner"),
        ("!1Tuy3t#1", "password-names-owner"),
        ("AnhTuyet-8xanh!", "password-names-owner"),
        ("NguyenThiAnhTuyet1!", "password-names-owner"),
        ("xX!tuyetnta77", "password-names-owner"),
        ("Hoa!05031988x", "password-names-owner"),
    ],
)
def test_a_poor_password_is_refused_with_its_reason(password: str, code: str) -> None:
    assert verdict(password) == code


def test_the_last_three_are_refused_and_the_fourth_is_free_again() -> None:
    former = [hashed(Secret(f"Cao-nguyen{number}xanh")) for number in (1, 2, 3, 4)]

    assert [verdict(f"Cao-nguyen{number}xanh", former=former) for number in (1, 2, 3, 4, 5)] == [
        "password-used-before",
        "password-used-before",
        "password-used-before",
        "",
        "",
    ]


def test_two_hashes_of_one_password_differ_and_both_match() -> None:
    first, second = hashed(Secret("Cao-nguyen8xanh")), hashed(Secret("Cao-nguyen8xanh"))

    assert first != second
    assert first.startswith("{ARGON2}$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches(Secret("Cao-nguyen8xanh"), first)
    assert matches(Secret("Cao-nguyen8xanh"), second)
    assert not matches(Secret("Cao-nguyen8xanH"), first)


def test_a_policy_that_is_none_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    for text in (
        "",
        "length = 4\nclasses = 4\nremembered = 3\ncommon = []",
        "length = 9\nclasses = 5\nremembered = 3\ncommon = []",
    ):
        path.write_text(text)
        with pytest.raises(Misconfigured):
            PasswordPolicy.load(path)
