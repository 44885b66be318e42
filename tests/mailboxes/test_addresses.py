from collections import Counter
from collections.abc import Container
from datetime import date
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.demo.names import full_names
from provisioner.errors import Invalid
from provisioner.mailboxes.addresses import (
    NameFacts,
    UnitFacts,
    check_given,
    choose,
    normal_form,
    propose,
)
from provisioner.mailboxes.policy import load_policy
from provisioner.people.names import parse

NAMING = Path(__file__).parents[2] / "config" / "naming"
POLICIES = {path.stem: load_policy(path) for path in NAMING.glob("*.toml")}
LAMDONG = POLICIES["lamdong"]


class Everything(Container):
    """Every address without a number was given before."""

    def __contains__(self, address):
        return not any(sign.isdigit() for sign in address)


def official(name="Nguyễn Văn An", **facts):
    return NameFacts(parse(name), **{"agency_abbreviation": "skhcn", **facts})


def unit(name, abbreviation, **facts):
    return UnitFacts(
        name, abbreviation, **{"level": "tinh", "bloc": "nha_nuoc", "kind": "so", "commune": None, **facts}
    )


def choose_all(policy, everybody):
    taken, chosen = set(), []
    for facts in everybody:
        chosen.append(choose(policy, facts, taken))
        taken.add(normal_form(chosen[-1].address))
    return chosen


def test_a_name_makes_given_name_and_initials():
    chosen = choose(LAMDONG, official("Đặng Thị Thúy"), set())

    assert chosen.address == chosen.base == "thuydt@lamdong.gov.vn"
    assert chosen.rung == 0
    assert chosen.reasons == ()


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("Y Blok Êban", "ybloke"),
        ("Y Thanh Hà Niê Kđăm", "ythanhhank"),
        ("H’Hen Niê", "hhenn"),
        ("K'Brêu", "kbreu"),
        ("Ka Mai", "kamai"),
        ("Ksor Hnao", "hnaok"),
        ("Rơ Châm H' Yéo", "hyeorc"),
        ("Giàng A Páo", "paoga"),
        ("Tuấn", "tuan"),
    ],
)
def test_names_of_every_order_make_an_address(name, local):
    assert choose(LAMDONG, official(name), set()).address == f"{local}@lamdong.gov.vn"


def test_the_ladder_is_climbed_step_by_step_and_says_why():
    names = ["Nguyễn Văn An", "Ngô Việt An", "Nguyễn Văn An", "Nguyễn Văn An", "Nguyễn Văn An"]
    chosen = choose_all(LAMDONG, [official(name) for name in names])

    assert [choice.address.removesuffix("@lamdong.gov.vn") for choice in chosen] == [
        "annv",
        "annv.skhcn",
        "nguyenvanan.skhcn",
        "annv2",
        "annv3",
    ]
    assert [choice.rung for choice in chosen] == [0, 1, 2, 3, 3]
    assert {choice.base for choice in chosen} == {"annv@lamdong.gov.vn"}
    assert [(reason.code, reason.address) for reason in chosen[2].reasons] == [
        ("address-taken", "annv@lamdong.gov.vn"),
        ("address-taken", "annv.skhcn@lamdong.gov.vn"),
    ]
    assert "annv@lamdong.gov.vn" in chosen[2].reasons[0].text.vi


def test_a_template_whose_facts_are_missing_is_passed_over():
    nobody_knows_the_agency = official(agency_abbreviation=None)

    assert list(islice(propose(LAMDONG, nobody_knows_the_agency), 3)) == [
        "annv@lamdong.gov.vn",
        "annv2@lamdong.gov.vn",
        "annv3@lamdong.gov.vn",
    ]


def test_a_reserved_name_is_passed_over_for_the_next_template():
    chosen = choose(LAMDONG, official("Lê Mai"), set())

    assert chosen.address == "mail.skhcn@lamdong.gov.vn"
    assert [reason.code for reason in chosen.reasons] == ["address-reserved"]
    assert "mail@lamdong.gov.vn" not in list(islice(propose(LAMDONG, official("Lê Mai")), 20))


def test_nobody_gets_an_address_that_differs_from_anothers_only_in_dots():
    taken = {normal_form("annv.skhcn@lamdong.gov.vn"), normal_form("annv@lamdong.gov.vn")}

    assert "annvskhcn@lamdong.gov.vn" in taken
    assert choose(LAMDONG, official(), taken).address == "nguyenvanan.skhcn@lamdong.gov.vn"


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_no_ladder_ever_ends_for_an_ordinary_name(policy):
    facts = official(birth_date=date(1990, 5, 1), identity_tail="3456")

    assert any(sign.isdigit() for sign in choose(policy, facts, Everything()).address)
    assert len(set(islice(propose(policy, facts), 300))) == 300


@pytest.mark.parametrize(
    ("province", "ladder"),
    [
        ("ninhbinh", ["annv.skhcn", "nguyenvanan.skhcn", "annv2.skhcn", "annv3.skhcn"]),
        ("nghean", ["annv", "annv2", "annv3", "annv4"]),
        ("bacninh", ["annv456", "annv3456", "annv2", "annv3"]),
        ("dongthap", ["nguyenvanan", "nguyenvanan1990", "nvan", "nvan1990", "nvan051990", "nguyenvanan2"]),
    ],
)
def test_each_province_has_the_ladder_of_its_regulation(province, ladder):
    facts = official(birth_date=date(1990, 5, 1), identity_tail="3456")
    policy = POLICIES[province]

    assert list(islice(propose(policy, facts), len(ladder))) == [
        f"{local}@{policy.domain}" for local in ladder
    ]


DATEH = {"level": "xa", "commune": "Đạ Tẻh"}


@pytest.mark.parametrize(
    ("province", "facts", "local"),
    [
        ("lamdong", unit("Sở Khoa học và Công nghệ", "skhcn"), "skhcn"),
        (
            "lamdong",
            unit("Phòng Chuyển đổi số", "cds", kind="phong", sub_unit=True, parent_abbreviation="skhcn"),
            "cds.skhcn",
        ),
        ("lamdong", unit("Ủy ban nhân dân xã Đạ Tẻh", "ubnd.dateh", kind="ubnd_xa", **DATEH), "dateh"),
        (
            "lamdong",
            unit("Đảng ủy xã Đạ Tẻh", "du.dateh", kind="dang_uy", **DATEH | {"bloc": "dang"}),
            "du.dateh",
        ),
        (
            "lamdong",
            unit("HĐND xã Đạ Tẻh", "hdnd.dateh", kind="hdnd", **DATEH | {"bloc": "hdnd"}),
            "hdnd.dateh",
        ),
        ("lamdong", unit("Đảng ủy xã Đạ Tẻh", "du.dateh", level="xa", kind="dang_uy"), "du.dateh"),
        (
            "nghean",
            unit("Ủy ban nhân dân xã Anh Sơn", "x", kind="ubnd_xa", level="xa"),
            "uybannhandanxaanhson",
        ),
        (
            "dongthap",
            unit("Phòng Kinh tế", "kt", kind="phong", sub_unit=True, level="xa", commune="Mỹ Thọ"),
            "mytho.kt",
        ),
        (
            "dongthap",
            unit("Văn phòng", "vp", kind="van_phong", sub_unit=True, parent_abbreviation="stc"),
            "stc.vp",
        ),
    ],
)
def test_units_are_addressed_by_the_rule_that_fits_them(province, facts, local):
    policy = POLICIES[province]

    assert choose(policy, facts, set()).address == f"{local}@{policy.domain}"


def test_two_communes_of_one_slug_get_two_addresses():
    ward = unit("UBND phường Mỹ Tho", "ubnd.phuongmytho", level="xa", kind="ubnd_phuong", commune="Mỹ Tho")
    commune = unit("UBND xã Mỹ Thọ", "ubnd.xamytho", level="xa", kind="ubnd_xa", commune="Mỹ Thọ")

    first, second = choose_all(POLICIES["dongthap"], [ward, commune])

    assert first.address == "mytho@dongthap.gov.vn"
    assert second.address == "ubnd.xamytho@dongthap.gov.vn"


def test_two_agencies_of_one_abbreviation_get_two_addresses():
    first, second = choose_all(
        LAMDONG,
        [
            unit("Sở Nội vụ", "snv", parent_abbreviation="ubnd"),
            unit("Sở Ngoại vụ", "snv", parent_abbreviation="ubnd"),
        ],
    )

    assert (first.address, second.address) == ("snv@lamdong.gov.vn", "snv.ubnd@lamdong.gov.vn")


@pytest.mark.parametrize("name", ["ʻ" * 3 + "ـ", "Abcdefghij" * 8])
def test_a_name_that_makes_no_address_is_left_to_a_person(name):
    with pytest.raises(Invalid) as refused:
        choose(LAMDONG, NameFacts(parse(name)), set())

    assert refused.value.code == "name-makes-no-address"
    assert name in refused.value.text.vi


def test_a_template_that_would_be_too_long_is_passed_over():
    long = official("Nguyễn " + " ".join(["Nghiêng"] * 9))
    everyday = choose(LAMDONG, long, set())
    taken = {normal_form(everyday.address), normal_form(everyday.address.replace("@", ".skhcn@"))}

    assert choose(LAMDONG, long, taken).address == everyday.address.replace("@", "2@")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("an.nv@lamdong.gov.vn", "annv@lamdong.gov.vn"),
        ("An-NV@LamDong.gov.vn", "annv@lamdong.gov.vn"),
        ("an_nv@lamdong.gov.vn", " annv@lamdong.gov.vn"),
        ("ａｎｎｖ@lamdong.gov.vn", "annv@lamdong.gov.vn"),
    ],
)
def test_addresses_that_people_mistake_for_one_another_have_one_normal_form(one, other):
    assert normal_form(one) == normal_form(other)


def test_dots_of_the_domain_count():
    assert normal_form("an@lamdong.gov.vn") != normal_form("an@lam.dong.gov.vn")


@pytest.mark.parametrize(
    "address",
    ["annv@lamdong.gov.vn", "AnNV@lamdong.gov.vn", "nguyen.van-an_2@lamdong.gov.vn", "a@lamdong.gov.vn"],
)
def test_an_address_from_a_file_may_have_another_form_than_the_policys(address):
    assert check_given(LAMDONG, address) is None


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("", "address-malformed"),
        ("annv", "address-malformed"),
        ("@lamdong.gov.vn", "address-malformed"),
        (".an@lamdong.gov.vn", "address-malformed"),
        ("an.@lamdong.gov.vn", "address-malformed"),
        ("an..nv@lamdong.gov.vn", "address-malformed"),
        ("an nv@lamdong.gov.vn", "address-malformed"),
        ("an+x@lamdong.gov.vn", "address-malformed"),
        ("ấn@lamdong.gov.vn", "address-malformed"),
        ("a@b@lamdong.gov.vn", "address-malformed"),
        ("a" * 65 + "@lamdong.gov.vn", "address-too-long"),
        ("annv@gmail.com", "address-domain-not-ours"),
        ("annv@skhcn.lamdong.gov.vn", "address-domain-not-ours"),
        ("postmaster@lamdong.gov.vn", "address-reserved"),
        ("Adm1n@lamdong.gov.vn", "address-reserved"),
    ],
)
def test_an_address_from_a_file_is_refused_with_a_stable_code(address, code):
    problem = check_given(LAMDONG, address)

    assert problem is not None
    assert problem.code == code
    assert problem.text.vi != problem.text.en


def test_addresses_of_a_merged_province_are_kept_where_the_policy_says_so():
    assert check_given(POLICIES["dongthap"], "nguyenvanan@tiengiang.gov.vn") is None


def test_six_thousand_officials_get_six_thousand_addresses_twice_the_same():
    names = [name for name, _ in islice(full_names("simulation"), 6041)]
    agencies = [f"coquan{number % 557}" for number in range(6041)]
    everybody = [
        official(name, agency_abbreviation=agency) for name, agency in zip(names, agencies, strict=True)
    ]

    chosen = choose_all(LAMDONG, everybody)

    assert len({normal_form(choice.address) for choice in chosen}) == 6041
    assert chosen == choose_all(LAMDONG, everybody)
    bases = Counter(choice.base for choice in chosen)
    sharing = sum(people for people in bases.values() if people > 1) / 6041
    assert 0.55 < sharing < 0.80


words = st.text("abcdefghijklmnopqrstuvwxyzăâđêôơưáàảãạ", min_size=1, max_size=8).map(str.capitalize)


@given(st.lists(words, min_size=1, max_size=6).map(" ".join), st.sampled_from(sorted(POLICIES)))
def test_every_proposal_is_an_address_that_a_file_could_have_given(name, province):
    policy = POLICIES[province]
    facts = official(name, birth_date=date(1985, 12, 31), identity_tail="0042")

    for address in islice(propose(policy, facts), 8):
        assert check_given(policy, address) is None
        assert address == address.lower()
