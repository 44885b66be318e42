"""Delta lists: a reader of the base and the newest delta knows what a reader of the full list knows."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags as Reason
from hypothesis import given, settings
from hypothesis import strategies as st

from ca.ceremony import hold
from ca.crl import Revocation, base_number, build_delta, check_successor, crl_number, lint_crl
from ca.crl_reading import reason_of
from ca.errors import AuthorityMismatch, LintFailure
from ca.keys import KeyKind, generate_key
from tests.ca import second_opinion
from tests.ca.test_openssl import openssl_verify
from tests.ca.world import A_DAY, NOW, MemoryKeyStore, a_person, a_plan, mail_authority, profiles, world

MAIL = mail_authority().certificate
HOUR = timedelta(hours=1)
EARLIER = NOW - A_DAY


def full(*revoked: Revocation, number: int = 10, now: datetime = NOW):
    return mail_authority().sign_crl(revoked, number=number, now=now, days=7, with_delta=True)


def delta(*revoked: Revocation, base, number: int = 11, now: datetime = NOW + HOUR, **more):
    return mail_authority().sign_delta(revoked, base=base, number=number, now=now, days=1, **more)


def said(crl: x509.CertificateRevocationList) -> dict[int, Reason | None]:
    return {entry.serial_number: reason_of(entry) for entry in crl}


def combined_with(known: dict[int, Reason | None], newest) -> dict[int, Reason | None]:
    """What RFC 5280 6.3 makes of what was known and a delta."""
    known = known | said(newest)
    return {serial: reason for serial, reason in known.items() if reason is not Reason.remove_from_crl}


def refused_code(make) -> str:
    with pytest.raises(LintFailure) as refused:
        make()
    return refused.value.code


def test_a_delta_tells_only_what_changed():
    old, new = Revocation(17, EARLIER, Reason.superseded), Revocation(18, NOW, Reason.key_compromise)
    base = full(old)

    made = delta(old, new, base=base)

    assert said(made) == {18: Reason.key_compromise}
    assert (crl_number(made), base_number(made), base_number(base)) == (11, 10, None)
    assert made.extensions.get_extension_for_class(x509.DeltaCRLIndicator).critical
    assert made.next_update_utc - made.last_update_utc == timedelta(days=1, seconds=-1)


def test_both_kinds_of_list_meet_the_requirements():
    held = Revocation(17, EARLIER, Reason.certificate_hold)
    base = full(held, Revocation(18, EARLIER, Reason.superseded))
    made = delta(Revocation(18, EARLIER, Reason.superseded), base=base)

    assert said(made) == {17: Reason.remove_from_crl}
    for crl in (base, made):
        assert second_opinion.crl_findings(crl, "CRL", baseline=False) == []
        assert lint_crl(crl, issuer=MAIL) == ()
    freshest = base.extensions.get_extension_for_class(x509.FreshestCRL).value
    assert freshest[0].full_name[0].value == "http://pki.lamdong.gov.vn/crl/mail-g1-delta.crl"


def test_a_hold_that_came_and_went_between_two_full_lists_is_released_by_name():
    base = full()
    held = delta(Revocation(17, NOW, Reason.certificate_hold), base=base)

    released = delta(base=base, before=held, number=12, now=NOW + 2 * HOUR)
    later = delta(base=base, before=released, number=13, now=NOW + 3 * HOUR)

    assert said(held) == {17: Reason.certificate_hold}
    assert said(released) == said(later) == {17: Reason.remove_from_crl}


def test_a_hold_that_came_back_is_told_to_whoever_heard_of_its_release():
    held = Revocation(17, EARLIER, Reason.certificate_hold)
    base = full(held)
    released = delta(base=base)

    again = delta(held, base=base, before=released, number=12, now=NOW + 2 * HOUR)

    assert said(again) == {17: Reason.certificate_hold}


def test_the_date_of_a_final_revocation_does_not_change_in_a_delta():
    base = full(Revocation(17, EARLIER, Reason.superseded))

    assert (
        refused_code(lambda: delta(Revocation(17, NOW, Reason.superseded), base=base)) == "crl.entry-changed"
    )


def test_a_hold_that_became_a_revocation_is_told():
    base = full(Revocation(17, EARLIER, Reason.certificate_hold))

    made = delta(Revocation(17, EARLIER, Reason.key_compromise), base=base)

    assert said(made) == {17: Reason.key_compromise}


def test_what_was_revoked_for_good_cannot_be_left_out():
    base = full(Revocation(17, EARLIER, Reason.superseded))

    assert refused_code(lambda: delta(base=base)) == "crl.entry-vanished"
    assert said(delta(base=base, not_after={17: NOW})) == {}


def test_what_an_earlier_delta_revoked_cannot_be_left_out():
    base = full()
    first = delta(Revocation(17, NOW, Reason.superseded), base=base)

    def left_out():
        delta(base=base, before=first, number=12, now=NOW + 2 * HOUR)

    assert refused_code(left_out) == "crl.entry-vanished"


def test_a_delta_is_numbered_above_its_base_and_the_delta_before():
    base = full(number=10)
    first = delta(base=base, number=12)

    assert refused_code(lambda: delta(base=base, number=10)) == "crl.delta-base"
    assert refused_code(lambda: delta(base=base, before=first, number=12)) == "crl.number-not-rising"


def test_a_release_stands_in_delta_lists_only_and_never_in_a_roots():
    released = Revocation(17, NOW, Reason.remove_from_crl)
    root, key = world()[0].root, world()[1].load("root-g1")
    arl = world()[0].lists["root-g1"]

    assert refused_code(lambda: full(released)) == "crl.reason-forbidden"
    assert (
        refused_code(lambda: build_delta(root, key, [released], base=arl, number=2, now=NOW + HOUR, days=1))
        == "crl.reason-forbidden"
    )


def test_a_delta_needs_the_authoritys_own_key():
    with pytest.raises(AuthorityMismatch):
        build_delta(MAIL, world()[1].load("root-g1"), (), base=full(), number=11, now=NOW, days=1)


def codes(previous, new, **known) -> list[str]:
    return [finding.code for finding in check_successor(previous, new, NOW + A_DAY, **known)]


def test_full_and_delta_lists_follow_each_other_in_one_row():
    revoked = Revocation(17, NOW, Reason.superseded)
    base = full(number=10)
    first = delta(revoked, base=base, number=11)
    next_full = full(revoked, number=12, now=NOW + 2 * HOUR)

    assert codes(base, first) == codes(first, next_full) == []
    assert codes(next_full, first) == ["crl.number-not-rising", "crl.time-not-rising"]
    assert codes(first, full(number=12, now=NOW + 2 * HOUR)) == ["crl.entry-vanished"]
    moved = full(Revocation(17, EARLIER, Reason.superseded), number=12, now=NOW + 2 * HOUR)
    assert codes(first, moved) == ["crl.entry-changed"]


def test_a_delta_never_goes_back_to_an_older_base_nor_ahead_of_the_newest():
    old, new = full(number=10), full(number=20, now=NOW + HOUR)
    on_old = delta(base=old, number=31, now=NOW + 3 * HOUR)
    on_new = delta(base=new, number=30, now=NOW + 2 * HOUR)

    assert codes(on_new, on_old) == ["crl.delta-base"]
    assert codes(old, on_new) == ["crl.delta-base"]
    assert codes(new, on_old) == []


def test_a_delta_on_a_new_base_need_not_repeat_what_the_base_says():
    revoked = Revocation(17, NOW, Reason.superseded)
    first = delta(revoked, base=full(number=10), number=11)
    second = delta(revoked, base=full(revoked, number=12, now=NOW + HOUR), number=13, now=NOW + 2 * HOUR)

    assert said(second) == {}
    assert codes(first, second) == []


def test_a_release_of_what_was_revoked_for_good_is_found():
    base = full(Revocation(17, EARLIER, Reason.superseded))
    innocent = full(Revocation(17, EARLIER, Reason.certificate_hold))
    release = delta(base=innocent)

    assert codes(innocent, release) == []
    assert codes(base, release) == ["crl.entry-vanished"]
    revoked = delta(Revocation(17, NOW, Reason.superseded), base=full(), number=11)
    followed = delta(
        base=full(), before=delta(Revocation(17, NOW, Reason.certificate_hold), base=full()), number=12
    )
    assert codes(revoked, followed) == ["crl.entry-vanished"]


STATES = st.sampled_from([None, Reason.certificate_hold, Reason.superseded, Reason.key_compromise])
HISTORIES = st.lists(st.dictionaries(st.integers(1, 5), STATES), min_size=2, max_size=5)


@settings(max_examples=25)
@given(HISTORIES)
def test_base_and_delta_together_always_say_what_the_full_list_says(history):
    revoked: dict[int, Revocation] = {}
    base = before = heard = None
    for day, wishes in enumerate(history):
        moment = NOW + day * HOUR
        for serial, reason in wishes.items():
            now_held = revoked.get(serial)
            if now_held is not None and now_held.reason is not Reason.certificate_hold:
                continue  # for good
            revoked.pop(serial, None)
            if reason is not None:
                revoked[serial] = Revocation(serial, moment, reason)
        if base is None:
            base = full(*revoked.values(), number=10, now=moment)
            continue
        before = delta(*revoked.values(), base=base, before=before, number=10 + day, now=moment)

        # Some readers add each delta to the full list, others to what they knew already.
        heard = combined_with(said(base) if heard is None else heard, before)
        assert combined_with(said(base), before) == heard == {n: r.reason for n, r in revoked.items()}


def test_openssl_believes_a_delta(tmp_path):
    today = datetime.now(UTC) - timedelta(minutes=5)
    keystore = MemoryKeyStore()
    ceremony = hold(a_plan(), keystore, profiles=profiles(), now=today)
    authority = ceremony.authority("mail", keystore)
    public_key = generate_key(KeyKind.P256).public_key()
    certificate = authority.sign(
        authority.prepare(profiles()["person-mail"], a_person(), public_key, now=today)
    )
    base = authority.sign_crl([], number=2, now=today, days=7, with_delta=True)
    revocation = Revocation(certificate.serial_number, today, Reason.key_compromise)
    news = authority.sign_delta([revocation], base=base, number=3, now=today, days=1)
    arl = ceremony.lists["root-g1"]

    def verify(*crls):
        return openssl_verify(
            tmp_path, ceremony, certificate, "-extended_crl", "-use_deltas", crls=[*crls, arl]
        )

    assert verify(base).returncode == 0
    assert "certificate revoked" in verify(base, news).stderr


def test_a_list_of_a_hundred_thousand_is_one_of_five_megabytes():
    revoked = [
        Revocation(2**150 + n, datetime(2026, 1, 1, tzinfo=UTC), Reason.superseded) for n in range(100_000)
    ]

    crl = mail_authority().sign_crl(revoked, number=2, now=NOW, days=7)

    assert len(crl) == 100_000
    assert len(crl.public_bytes(Encoding.DER)) < 5_500_000
