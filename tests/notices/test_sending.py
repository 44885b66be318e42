"""Notices: queued once, gathered into one letter for each recipient, sent once and again only after a crash."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from provisioner import failpoints
from provisioner.db import Database
from provisioner.notices.composing import Sender
from provisioner.notices.models import Letter, Notice
from provisioner.notices.queueing import Matter, queue, told_at
from provisioner.notices.sending import PAUSE, RETRY, Sent, is_due, send
from provisioner.notices.wording import WORDINGS, Reason
from provisioner.pending import LEASE
from provisioner.secret import Secret
from tests.books import NOW, Rings, count
from tests.notices.post import Post

SITE = "https://capphat.lamdong.gov.vn/"
SENDER = Sender("Hệ thống cấp phát", "capphat@lamdong.gov.vn", SITE, f"{SITE}toi")
HOA, BINH = "hoatt@lamdong.gov.vn", "binhtv@lamdong.gov.vn"


def a_return(number: int, *recipients: str) -> Matter:
    told = {"document": f"{number}/SKHCN", "agency": "Sở KH&CN", "by": "chi", "why": "thiếu quyết định"}
    return Matter(f"request:{number}", recipients, told)


def say(database: Database, *matters: Matter, now: datetime = NOW) -> int:
    with database.transaction() as session:
        return queue(session, Reason.REQUEST_RETURNED, matters, now=now)


def post_at(database: Database, post: Post, now: datetime = NOW) -> Sent:
    return send(database, post.conversation, sender=SENDER, clock=lambda: now)


def due(database: Database, now: datetime) -> bool:
    with database.reading() as session:
        return is_due(session, now=now)


def test_the_same_thing_is_told_to_the_same_person_once(database: Database, rings: Rings) -> None:
    first = say(database, a_return(1, HOA, BINH))
    again = say(database, a_return(1, HOA, BINH, HOA), a_return(2, HOA), now=NOW + timedelta(days=1))

    assert (first, again) == (2, 1)
    assert count(database, Notice) == 3
    assert rings == ["notices", "notices"]
    with database.reading() as session:
        told = told_at(session, Reason.REQUEST_RETURNED, ["request:1", "request:9"])
    assert told == {"request:1": NOW}


def test_what_is_no_address_is_nobodys(database: Database) -> None:
    assert say(database, a_return(1, "0263 382 2222", "a b@x.vn", "hoa@lamdong", "x@y.vn\nBcc: z@y.vn")) == 0


def test_what_does_not_fit_the_sentence_is_refused_and_so_is_a_secret(database: Database) -> None:
    with database.transaction() as session:
        with pytest.raises(ValueError, match="tells"):
            queue(session, Reason.REQUEST_RETURNED, [Matter("request:1", [HOA], {"document": "1"})], now=NOW)
        told: dict[str, Any] = {**a_return(1).told, "why": Secret("7QK2-M0XD")}
        with pytest.raises(TypeError, match="text and numbers"):
            queue(session, Reason.REQUEST_RETURNED, [Matter("request:1", [HOA], told)], now=NOW)


def test_one_notice_is_a_letter_of_its_own_in_both_languages(database: Database) -> None:
    say(database, a_return(1, HOA))
    post = Post()

    sent = post_at(database, post)

    (letter,) = post.letters
    text = letter.get_content()
    assert sent == Sent(letters=1)
    assert letter["Subject"] == "Đề nghị 1/SKHCN bị trả lại"
    assert str(letter["From"]) == "Hệ thống cấp phát <capphat@lamdong.gov.vn>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "được chi trả lại với lý do: thiếu quyết định" in text
    assert "was returned by chi with this reason: thiếu quyết định" in text
    assert SENDER.site in text


def test_a_letter_to_an_owner_leads_to_their_own_page_and_one_to_an_operator_to_the_site(
    database: Database,
) -> None:
    say(database, a_return(1, HOA))
    told = {"address": BINH, "day": "01/12/2026", "why": "x"}
    with database.transaction() as session:
        queue(session, Reason.MAILBOX_LOCKS, [Matter("mailbox:1:x", [BINH], told)], now=NOW)
    post = Post()

    post_at(database, post)

    texts = {letter["To"]: letter.get_content() for letter in post.letters}
    assert f"Trang của hệ thống: {SITE}\n" in texts[HOA]
    assert f"Trang của chủ hộp thư: {SITE}toi\n" in texts[BINH]
    assert "Trang của hệ thống" not in texts[BINH]


def test_many_notices_are_one_letter_for_each_recipient_and_later_ones_wait_for_the_next(
    database: Database,
) -> None:
    say(database, *(a_return(number, HOA, BINH) for number in range(150)))
    post = Post()

    post_at(database, post)
    say(database, a_return(900, HOA))
    post_at(database, post, NOW + timedelta(minutes=1))

    assert sorted(post.told) == [(BINH, "150 thông báo từ hệ thống thư công vụ"), (HOA, post.told[0][1])]
    text = post.letters[0].get_content()
    assert text.count("bị trả lại") + text.count("trả lại với lý do") == 100
    assert "… và 50 thông báo khác cùng loại." in text
    assert not due(database, NOW + timedelta(minutes=1))
    post_at(database, post, NOW + PAUSE)
    assert post.told[2:] == [(HOA, "Đề nghị 900/SKHCN bị trả lại")]


def test_a_mail_server_that_is_down_is_waited_for(database: Database) -> None:
    say(database, a_return(1, HOA), a_return(2, BINH))
    post = Post(is_down=True)

    waiting_for = post_at(database, post).waiting_for
    due_at_once = due(database, NOW)
    post.is_down = False
    sent = post_at(database, post, NOW + RETRY)

    assert waiting_for is not None
    assert waiting_for.code == "mail-server-unavailable"
    assert not due_at_once
    assert sent == Sent(letters=2)


def test_a_recipient_who_is_refused_or_put_off_holds_nobody_up(database: Database) -> None:
    say(database, a_return(1, "ai@cu.gov.vn", "day@lamdong.gov.vn", HOA))
    post = Post(refused={"ai@cu.gov.vn"}, put_off={"day@lamdong.gov.vn"})

    first = post_at(database, post)
    post.put_off.clear()
    second = post_at(database, post, NOW + RETRY)

    assert first == Sent(letters=1, refused=1, later=1)
    assert second == Sent(letters=1)
    assert [recipient for recipient, _ in post.told] == [HOA, "day@lamdong.gov.vn"]
    with database.reading() as session:
        troubles = session.scalars(select(Letter.trouble).where(Letter.trouble.is_not(None))).all()
    assert troubles == ["letter-refused"]


def test_after_a_crash_the_same_letter_is_sent_again_and_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(database, a_return(1, HOA), a_return(2, HOA))
    post = Post()
    monkeypatch.setattr(
        failpoints,
        "_plan",
        failpoints._Plan({"PROVISIONER_TESTING": "1", "PROVISIONER_FAILPOINT": "notice-sent=raise"}),
    )

    with pytest.raises(failpoints.FailpointError):
        post_at(database, post)
    while_leased = post_at(database, post, NOW)
    again = post_at(database, post, NOW + LEASE)
    done = post_at(database, post, NOW + 2 * LEASE)

    assert (while_leased, again, done) == (Sent(), Sent(letters=1), Sent())
    assert len(post.letters) == 2
    assert bytes(post.letters[0]) == bytes(post.letters[1])
    assert post.letters[0]["Message-ID"].endswith("@lamdong.gov.vn>")


def test_every_reason_says_the_same_in_both_languages() -> None:
    assert set(WORDINGS) == set(Reason)
    for reason, wording in WORDINGS.items():
        values = dict.fromkeys(wording.fields, "X")
        for text in (wording.subject, wording.body):
            assert text.vi.format_map(values) != text.en.format_map(values), reason
        assert len(reason) <= 16, reason
