"""Making codes good once their slips are set, after another look at whom they are for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import MOST_VALUES, table_of
from provisioner.errors import Conflict, Forbidden, Text
from provisioner.mail.codes import PAST, Holder, NewCode, digest, has_code, served, unused
from provisioner.mail.models import ActivationCode, FormerPassword
from provisioner.mail.ways_in import beyond
from provisioner.mailboxes.models import Mailbox
from provisioner.notices.queueing import Matter, queue
from provisioner.notices.wording import Reason


@dataclass(frozen=True, slots=True)
class Issued:
    """What became of codes for which slips were set."""

    made: Sequence[NewCode] = ()
    """Those that are good now."""
    left_out: Sequence[NewCode] = ()
    """Those that were not made: meanwhile the owner set a password, or the mailbox is not active any more."""
    voided: int = 0
    """How many good codes on earlier slips are void now."""


def issue(
    session: Session, codes: Sequence[NewCode], *, who: Who, now: datetime, expires_at: datetime
) -> Issued:
    """Make these codes good; whatever code their mailboxes had before is void from now on.

    Slips are set before their codes are good, which takes its time: so it looks again, under lock. Whose owner set a
    password since the holders were looked up, and needs no code any more, is left out. Owners who had a password before are
    told, so that nobody sets another in their place unseen.

    Raises `Forbidden` and makes none when an owner is an operator with rights that whoever makes the codes does not hold;
    `Conflict` and makes none with `codes-made-meanwhile` when somebody else did, whose slips stay good.
    """
    made = _still_wanted(session, codes, now=now)
    if codes and not made:
        raise nobody_needs_one()
    _check_makers_rights(session, [new.holder for new in made], by=who.actor, now=now)
    voided = 0
    for at in range(0, len(made), MOST_VALUES):
        ids = [new.holder.mailbox_id for new in made[at : at + MOST_VALUES]]
        ends = session.scalars(
            update(ActivationCode)
            .where(ActivationCode.mailbox_id.in_(ids), *unused())
            .values(voided_at=now)
            .returning(ActivationCode.expires_at)
            .execution_options(synchronize_session=False)
        )
        voided += sum(end > now for end in ends)
    rows = [
        {
            "mailbox_id": new.holder.mailbox_id,
            "digest": digest(new.code),
            "issued_at": now,
            "issued_by": who.actor,
            "expires_at": expires_at,
        }
        for new in made
    ]
    if rows:
        session.execute(insert(table_of(ActivationCode)), rows)
    record(
        session,
        who,
        [
            Change("code.issued", "mailbox", new.holder.address, after={"expires_at": expires_at})
            for new in made
        ],
        now=now,
    )
    _tell_owners(session, made, by=who.actor, now=now)
    kept = {new.holder.mailbox_id for new in made}
    return Issued(made, [new for new in codes if new.holder.mailbox_id not in kept], voided)


def _still_wanted(session: Session, codes: Sequence[NewCode], *, now: datetime) -> list[NewCode]:
    ids, found = sorted(new.holder.mailbox_id for new in codes), dict[int, Any]()
    is_taken = has_code(*unused(), ActivationCode.taken_until > now).label("is_taken")
    for at in range(0, len(ids), MOST_VALUES):
        part = ids[at : at + MOST_VALUES]
        # Whoever prints for the same mailboxes waits here, and who is using one of their codes before the next line.
        session.execute(select(Mailbox.id).where(Mailbox.id.in_(part)).order_by(Mailbox.id).with_for_update())
        live = select(ActivationCode.id).where(ActivationCode.mailbox_id.in_(part), *unused())
        session.execute(live.order_by(ActivationCode.id).with_for_update())
        rows = session.execute(served(select(Mailbox.id, *PAST, is_taken)).where(Mailbox.id.in_(part)))
        found |= {row.id: row for row in rows}
    standing = [(new, found[new.holder.mailbox_id]) for new in codes if new.holder.mailbox_id in found]
    others = [row.newest_code for new, row in standing if row.newest_code != new.holder.newest_code]
    if others:
        raise _made_meanwhile(session, others)
    return [new for new, row in standing if row.used_codes == new.holder.used_codes and not row.is_taken]


def nobody_needs_one() -> Conflict:
    """What is said where nobody is left to make a code for."""
    return Conflict(
        Text(
            vi="Không còn ai cần mã: mọi người đã có mật khẩu hoặc đang giữ mã còn hạn; muốn thay mã thì phải chọn cấp lại.",
            en="Nobody needs a code: all have a password or hold a good code, which is made anew only when asked for.",
        ),
        code="nobody-needs-a-code",
    )


def _made_meanwhile(session: Session, codes: Sequence[int]) -> Conflict:
    maker = session.scalar(select(ActivationCode.issued_by).where(ActivationCode.id == codes[0]))
    return Conflict(
        Text(
            vi=f"Trong lúc in, {maker} đã cấp mã cho {len(codes):,} hộp thư trong số này. Phiếu của {maker} vẫn dùng được; ở "
            "đây chưa có mã nào được cấp và không có phiếu nào. Hãy in lại nếu vẫn cần.",
            en=f"While the slips were set, {maker} made codes for {len(codes):,} of these mailboxes. Those slips stay good; "
            "here no code was made, and there is no slip. Print again if it is still needed.",
        ),
        code="codes-made-meanwhile",
    )


def _check_makers_rights(session: Session, holders: Sequence[Holder], *, by: str, now: datetime) -> None:
    kept = beyond(session, [holder.mailbox_id for holder in holders], by=by, now=now)
    if kept:
        names = ", ".join(holder.address for holder in holders if holder.mailbox_id in kept)
        raise Forbidden(
            Text(
                vi=f"Chủ hộp thư là người dùng có quyền mà bạn không có: {names}. Chưa có mã nào được cấp; "
                "hãy bỏ chọn hoặc nhờ quản trị hệ thống.",
                en=f"The owner is an operator with rights that you do not hold: {names}. No code was made; "
                "leave these out, or ask an administrator.",
            ),
            code="more-than-held",
        )


def _tell_owners(session: Session, codes: Sequence[NewCode], *, by: str, now: datetime) -> None:
    holders = {new.holder.mailbox_id: new.holder for new in codes}
    ids = list(holders)
    for at in range(0, len(ids), MOST_VALUES):
        with_password = session.scalars(
            select(FormerPassword.mailbox_id)
            .where(FormerPassword.mailbox_id.in_(ids[at : at + MOST_VALUES]))
            .distinct()
        )
        matters = [
            Matter(
                f"mailbox:{id_}:{now.isoformat()}",
                [holders[id_].address],
                {"address": holders[id_].address, "by": by},
            )
            for id_ in with_password
        ]
        queue(session, Reason.NEW_CODE, matters, now=now)
