"""What the doctor says of the room on the disks where the product itself writes: a full one stops work, and loses none."""

import shutil
from pathlib import Path
from typing import Final

from provisioner.connecting import database_url
from provisioner.errors import Text, Unavailable
from provisioner.services import Services
from provisioner.settings import ROOT

LEAST: Final = 512 << 20
"""Bytes. A first roster of 6,041 people took 110 MB of books, their log and the directory."""

_SQLITE: Final = "sqlite:///"


def room(services: Services) -> str:
    """How much is free. Raises `Unavailable` where less than `LEAST` is, with the folder."""
    settings = services.settings
    url = database_url(settings)
    folders = [settings.authority.folder]
    if settings.authority.journal:
        folders.append(ROOT / settings.authority.journal)
    if url.startswith(_SQLITE):
        folders.insert(0, Path(url.removeprefix(_SQLITE)).parent)
    free = {folder: shutil.disk_usage(folder).free for folder in filter(_is_seen, folders)}
    scarce = [folder for folder, left in free.items() if left < LEAST]
    if scarce:
        folder = scarce[0]
        raise Unavailable(
            Text(
                vi=f"Ổ đĩa của {folder} chỉ còn {free[folder] >> 20:,} MB; hãy giải phóng hoặc mở rộng. Việc đang chờ sẽ tự tiếp "
                "tục.",
                en=f"The disk of {folder} has {free[folder] >> 20:,} MB left; make room. What waits goes on by itself.",
            ),
            code="disk-full",
        )
    return f"{min(free.values()) >> 20:,} MB are free" if free else "nothing of ours is here"


def _is_seen(folder: Path) -> bool:
    """The authority's folder is another account's, or on another machine."""
    try:
        return folder.is_dir()
    except OSError:
        return False
