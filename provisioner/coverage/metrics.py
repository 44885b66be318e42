"""The metrics M1 to M8, each with its exact numerator and denominator.

Issued, handed over and in use are three different things: a mailbox is issued when its entry
stood in the directory for the first time, handed over when somebody recorded so, and in use when
its owner used it within the window asked for. Every metric is of a moment and of a scope.
"""

from dataclasses import dataclass

from provisioner.coverage.figures import Measure
from provisioner.coverage.tallies import Coverage, Sums


@dataclass(frozen=True, slots=True)
class Issued:
    """M1. Mailboxes: how many, whose, and in which state."""

    units: int
    personal: int
    active: int
    locked: int
    revoked: int
    handed_over: int
    used: int

    @property
    def all(self) -> int:
        return self.units + self.personal


def mailboxes(sums: Sums) -> Issued:
    """M1, numbers and no rate: mailboxes of both kinds that were issued and are not closed.

    Personal ones count where their owner holds a post, or held the last one: who left has a mailbox until it is
    closed, and so has an agency that ended; no rate counts these. `revoked` are mailboxes that were issued and closed.
    """
    all_ = sums.all
    return Issued(
        units=sums.own.issued + sums.ended.issued,
        personal=sums.people.issued + sums.left.issued,
        active=all_.active,
        locked=all_.locked,
        revoked=all_.revoked,
        handed_over=all_.handed_over,
        used=all_.used,
    )


def holders(sums: Sums) -> Measure:
    """M1 as a rate: "6.013 hộp thư, đạt 97 %" (Lào Cai 2015).

    Numerator: agencies and people entitled who have an issued mailbox, active or not, each
    counted once; nobody has two personal ones. Denominator: all agencies and people entitled (see M2, M3).
    """
    return Measure(sums.own.holding + sums.people.issued, sums.own.entitled + sums.people.entitled)


def agencies_served(sums: Sums) -> Measure:
    """M2: agencies that have a mailbox of their own.

    Numerator: agencies entitled with at least one active unit mailbox. Denominator: agencies and
    units entitled to a mailbox of their own (`unit_mailbox` of the agency list).
    """
    return Measure(sums.own.served, sums.own.entitled)


def staff_served(sums: Sums) -> Measure:
    """M3: people who have a mailbox.

    Numerator: people in post with an active personal mailbox. Denominator: people entitled, that
    is, per agency and category, the declared head count, or the people in post where they are
    more. People who were never put on a list are missing, and are seen to be missing.
    """
    return Measure(sums.people.active, sums.people.entitled)


@dataclass(frozen=True, slots=True)
class RollOut:
    """M4, in both senses of "has rolled out"."""

    complete: Measure
    begun: Measure


def roll_out(coverage: Coverage) -> RollOut:
    """M4: from a level down to the next.

    Denominator: agencies in scope with at least one entitled agency of another level directly
    below them. Numerator: those of them of whom every such agency has an active unit mailbox
    (complete), or at least one has (begun).
    """
    children: dict[int, list[Sums]] = {}
    levels = {row.place.id: row.place.level for row in coverage.below}
    for row in coverage.below:
        parent = row.place.parent_id
        if (
            parent is not None
            and row.place.entitled
            and levels.get(parent, row.place.level) != row.place.level
        ):
            children.setdefault(parent, []).append(row.sums)
    parents = [children[row.place.id] for row in coverage.agencies if row.place.id in children]
    return RollOut(
        complete=Measure(sum(all(c.own.served for c in below) for below in parents), len(parents)),
        begun=Measure(sum(any(c.own.served for c in below) for below in parents), len(parents)),
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """M5, with both denominators that reports have meant."""

    of_issued: Measure
    of_entitled: Measure


def usage(sums: Sums) -> Usage:
    """M5: people who use their mailbox.

    Numerator: people in post whose personal mailbox is issued and was used within the window.
    Denominators: people in post with an issued personal mailbox; people entitled (M3).
    """
    people = sums.people
    return Usage(
        of_issued=Measure(people.used, people.issued), of_entitled=Measure(people.used, people.entitled)
    )


@dataclass(frozen=True, slots=True)
class Certificates:
    """M6. The three figures of the Government Cipher Committee's own reports, by kind."""

    personal: int
    organisation: int
    valid: int
    revoked: int

    @property
    def all(self) -> int:
        return self.personal + self.organisation


def certificates(sums: Sums) -> Certificates:
    """M6: certificates by kind and by what became of them, numbers and no rate.

    All that were ever issued to people and to agencies; of these the valid (within their dates, not revoked) and the
    revoked. The rest have expired. A renewed certificate is another one. Those of who left count as their mailboxes do.
    """
    all_ = sums.all
    return Certificates(
        personal=sums.people.certificates + sums.left.certificates,
        organisation=sums.own.certificates + sums.ended.certificates,
        valid=all_.certificates_valid,
        revoked=all_.certificates_revoked,
    )


def leaders_signing(sums: Sums) -> Measure:
    """M7: leaders who can sign.

    Numerator: people in a leading post with a valid personal certificate, each counted once.
    Denominator: people in a leading post.
    """
    return Measure(sums.people.leaders_signing, sums.people.leaders)


def agencies_signing(sums: Sums) -> Measure:
    """M8: agencies that can sign.

    Numerator: agencies of the denominator with at least one valid organisation certificate.
    Denominator: agencies with legal personality and a seal of their own, because only they can have
    one (Nghị định 68/2024/NĐ-CP art. 10). Whether signing software is installed is not recorded.
    """
    return Measure(sums.own.signing, sums.own.sealed)
