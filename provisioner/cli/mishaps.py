"""Python's own errors that whoever gave the command can mend, as sentences. Any other is a mistake of ours and stays one."""

import csv
import errno

from provisioner.errors import Invalid, ProvisionerError, Text

_REASONS = {
    errno.ENOENT: Text(vi="không có tệp hoặc thư mục này", en="there is no such file or folder"),
    errno.EACCES: Text(vi="không có quyền", en="it is not allowed"),
    errno.EPERM: Text(vi="không có quyền", en="it is not allowed"),
    errno.EISDIR: Text(vi="đó là thư mục", en="it is a folder"),
    errno.ENOTDIR: Text(vi="một phần của đường dẫn không phải thư mục", en="a part of the path is no folder"),
    errno.EROFS: Text(vi="ổ đĩa chỉ cho đọc", en="the disk can only be read"),
    errno.ENAMETOOLONG: Text(vi="tên quá dài", en="the name is too long"),
    errno.ENOSPC: Text(vi="ổ đĩa đã đầy", en="the disk is full"),
}


def as_sentence(error: OSError | csv.Error) -> ProvisionerError | None:
    """What to tell of it; None when it is nothing that a file, its name or its rights are the cause of."""
    if isinstance(error, csv.Error):
        return Invalid(
            Text(
                vi=f"Tệp không phải CSV đúng cách ({error}); hãy mở bằng Excel và lưu lại dạng «CSV UTF-8».",
                en=f"The file is no proper CSV ({error}); open it in Excel and save it again as “CSV UTF-8”.",
            ),
            code="csv-malformed",
        )
    reason = _REASONS.get(error.errno or 0)
    if reason is None or not error.filename:
        return None
    return Invalid(
        Text(
            vi=f"Không dùng được {error.filename}: {reason.vi}. Hãy kiểm tra đường dẫn và quyền.",
            en=f"{error.filename} cannot be used: {reason.en}. Check the path and its rights.",
        ),
        code="file-unusable",
    )
