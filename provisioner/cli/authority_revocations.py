"""`provisioner ca revoke-authority` and `reissue`: an issuing authority is revoked by its root, and others take its place."""

import click

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.ceremonies import revoke_authority as revoke
from provisioner.certificates import revoking_authorities
from provisioner.cli.ceremony import authority
from provisioner.cli.shell import Shell, by, pass_shell
from provisioner.errors import Text

__all__ = ["authority"]


@authority.group("revoke-authority")
def revoke_authority() -> None:
    """Revoke an issuing authority and everything below it: one person plans it, another approves.

    A root cannot be revoked: no list of its own would be believed.
    """


@revoke_authority.command("plan")
@click.argument("label")
@click.option(
    "--reason",
    type=click.Choice([reason.value for reason in revoking_authorities.REASONS]),
    required=True,
    help="cACompromise when anybody else may have its key.",
)
@click.option("--note", required=True, help="The document that asks for it, for whoever approves.")
@by
@pass_shell
def plan(shell: Shell, label: str, reason: str, note: str, by: str) -> None:
    """Propose to revoke the authority LABEL, as mail-g1. Nothing happens before somebody else approves the digest."""
    services = shell.services
    with services.database.transaction() as session:
        planned = revoking_authorities.plan(
            session, label, reason=Reason(reason), note=note, by=by, now=services.clock()
        )
    said = Text(
        vi=f"{label}: {planned.below:,} chứng thư còn hiệu lực sẽ bị thu hồi theo; mã tóm lược {planned.digest}. "
        "Người thứ hai phê duyệt ở nơi có khóa của CA gốc.",
        en=f"{label}: {planned.below:,} certificates that are good would fall with it; digest {planned.digest}. "
        "A second person approves, where the root's key is.",
    )
    click.echo(shell.text(said))


@revoke_authority.command("approve")
@click.argument("label")
@click.option("--digest", required=True)
@by
@pass_shell
def approve(shell: Shell, label: str, digest: str, by: str) -> None:
    """Agree to exactly what this digest stands for, where the root's key is; the root's list says so at once.

    Everything below LABEL is revoked by the workers. Interrupted, it is run again.
    """
    number = revoke(shell.services, label, digest=digest, by=by)
    said = Text(
        vi=f"{label} đã bị thu hồi; danh sách số {number} của CA gốc đã công bố điều đó. Các chứng thư của nó đang "
        "bị thu hồi theo và rời khỏi thư mục. Cấp lại: tổ chức lễ tạo thế hệ sau (provisioner ca ceremony), rồi "
        f"«provisioner ca reissue {label}».",
        en=f"{label} is revoked, and list {number} of the root says so. The certificates below it are being revoked "
        "and leave the directory. To issue anew: hold the ceremony of the next generation (provisioner ca "
        f"ceremony), then “provisioner ca reissue {label}”.",
    )
    click.echo(shell.text(said))


@authority.command("reissue")
@click.argument("label")
@by
@pass_shell
def reissue(shell: Shell, label: str, by: str) -> None:
    """Order another certificate for every mailbox that lost one with the revoked authority LABEL.

    The next generation issues them, with new keys; without one the orders wait for it. Keys that their owners made,
    and the province's seal, are for them to enrol again. Run twice, it orders what is still missing.
    """
    services = shell.services
    with services.database.transaction() as session:
        done = revoking_authorities.reissue(session, label, who=Who(by), now=services.clock())
    said = Text(
        vi=f"Đã đặt {done.ordered:,} chứng thư; {done.by_owners:,} chủ sở hữu tự tạo khóa phải tự đăng ký lại.",
        en=f"{done.ordered:,} ordered; {done.by_owners:,} owners made their keys themselves and have to enrol again.",
    )
    click.echo(shell.text(said))
