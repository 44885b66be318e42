"""What each metric counts, in words for readers of a workbook: the docstrings of `coverage.metrics`, translated."""

from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.coverage import metrics
from provisioner.coverage.figures import Measure
from provisioner.coverage.tallies import Coverage
from provisioner.errors import Text


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric: its code, its name, what is counted, of what, and the figure of the whole scope."""

    code: str
    name: Text
    counted: Text
    of: Text
    figure: int | Measure


def definitions(coverage: Coverage) -> Sequence[Definition]:
    """M1 to M8 with their figures."""
    sums, rolled = coverage.sums, metrics.roll_out(coverage)
    issued, certificates, used = metrics.mailboxes(sums), metrics.certificates(sums), metrics.usage(sums)
    days = coverage.used_within.days
    none = Text(vi="–", en="–")
    entitled = Text(
        vi="Biên chế đã khai của từng cơ quan, từng loại, hoặc số người đang giữ chức vụ, vị trí nếu nhiều hơn",
        en="The declared head count of each agency and category, or the people in post where they are more",
    )
    return (
        Definition(
            "M1",
            Text(vi="Hộp thư đã cấp", en="Mailboxes issued"),
            Text(
                vi="Hộp thư của cơ quan và cá nhân đã có trong danh bạ và chưa đóng, kể cả của người đã nghỉ, cơ quan đã ngừng hoạt động",
                en="Mailboxes of agencies and persons, also of those who left and of agencies that ended, that stood in the directory and are not closed",
            ),
            none,
            issued.all,
        ),
        Definition(
            "M1",
            Text(vi="Tỷ lệ đã cấp", en="Rate of those issued"),
            Text(
                vi="Cơ quan và cá nhân thuộc diện cấp đã có hộp thư, kể cả đang tạm khóa; mỗi bên tính một lần",
                en="Agencies and people entitled who have an issued mailbox, active or not, each counted once",
            ),
            Text(vi="Cơ quan và cá nhân thuộc diện cấp", en="All agencies and people entitled"),
            metrics.holders(sums),
        ),
        Definition(
            "M2",
            Text(vi="Cơ quan, đơn vị có hộp thư", en="Agencies with a mailbox"),
            Text(
                vi="Cơ quan, đơn vị thuộc diện cấp có ít nhất một hộp thư cơ quan đang hoạt động",
                en="Agencies entitled with at least one active mailbox of their own",
            ),
            Text(vi="Cơ quan, đơn vị thuộc diện cấp hộp thư riêng", en="Agencies entitled to one"),
            metrics.agencies_served(sums),
        ),
        Definition(
            "M3",
            Text(vi="CBCCVC có hộp thư", en="Staff with a mailbox"),
            Text(
                vi="Người đang giữ chức vụ, vị trí có hộp thư cá nhân đang hoạt động",
                en="People in post with an active personal mailbox",
            ),
            entitled,
            metrics.staff_served(sums),
        ),
        Definition(
            "M4",
            Text(vi="Triển khai đủ đến cấp dưới", en="Rolled out to the level below"),
            Text(
                vi="Trong số đó, cơ quan mà mọi cơ quan ở cấp dưới trực tiếp đều có hộp thư đang hoạt động",
                en="Those of them of whom every such agency has an active mailbox",
            ),
            Text(
                vi="Cơ quan có ít nhất một cơ quan thuộc diện cấp ở cấp dưới trực tiếp",
                en="Agencies with at least one entitled agency of another level directly below them",
            ),
            rolled.complete,
        ),
        Definition(
            "M5",
            Text(vi="Sử dụng, trên số đã cấp", en="In use, of those issued"),
            Text(
                vi=f"Người có hộp thư đã cấp và đã dùng trong {days} ngày qua",
                en=f"People whose issued mailbox was used within the last {days} days",
            ),
            Text(vi="Người có hộp thư cá nhân đã cấp", en="People with an issued personal mailbox"),
            used.of_issued,
        ),
        Definition(
            "M5",
            Text(vi="Sử dụng, trên số thuộc diện cấp", en="In use, of those entitled"),
            Text(vi="Như trên", en="As above"),
            entitled,
            used.of_entitled,
        ),
        Definition(
            "M6",
            Text(vi="Chứng thư số đã cấp", en="Certificates issued"),
            Text(
                vi="Mọi chứng thư đã cấp cho cá nhân và cơ quan, kể cả người đã nghỉ, cơ quan đã ngừng hoạt động; gia hạn là chứng thư mới",
                en="All that were ever issued to people and agencies, also to those who left or ended; a renewed one is another one",
            ),
            none,
            certificates.all,
        ),
        Definition(
            "M6",
            Text(vi="Chứng thư số còn hiệu lực", en="Certificates valid"),
            Text(vi="Còn thời hạn và chưa bị thu hồi", en="Within their dates and not revoked"),
            none,
            certificates.valid,
        ),
        Definition(
            "M6",
            Text(vi="Chứng thư số đã thu hồi", en="Certificates revoked"),
            Text(vi="Đã thu hồi trước thời điểm báo cáo", en="Revoked before the moment of the report"),
            none,
            certificates.revoked,
        ),
        Definition(
            "M7",
            Text(vi="Lãnh đạo, quản lý có chữ ký số", en="Leaders who can sign"),
            Text(
                vi="Người giữ chức vụ lãnh đạo, quản lý có chứng thư cá nhân còn hiệu lực, mỗi người tính một lần",
                en="People in a leading post with a valid personal certificate, each counted once",
            ),
            Text(vi="Người giữ chức vụ lãnh đạo, quản lý", en="People in a leading post"),
            metrics.leaders_signing(sums),
        ),
        Definition(
            "M8",
            Text(vi="Cơ quan có chữ ký số", en="Agencies that can sign"),
            Text(
                vi="Trong số đó, cơ quan có ít nhất một chứng thư tổ chức còn hiệu lực",
                en="Those of them with at least one valid organisation certificate",
            ),
            Text(
                vi="Cơ quan có tư cách pháp nhân và con dấu riêng (Nghị định 68/2024/NĐ-CP, Điều 10)",
                en="Agencies with legal personality and a seal of their own (Decree 68/2024/NĐ-CP, art. 10)",
            ),
            metrics.agencies_signing(sums),
        ),
    )
