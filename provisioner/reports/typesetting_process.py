"""The process that sets one document and ends: an order on standard input, a PDF on standard output."""

import json
import re
import resource
import sys
from pathlib import Path

_MEMORY = 3 * 1024**3
_CPU_SECONDS = 120

UNPRINTABLE = 3
"""The exit status when fonts lack characters, which are then on standard error and nothing else."""


def main() -> None:
    import typst  # noqa: PLC0415 - whoever reads the exit status in another process has no use for it

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    order = json.load(sys.stdin)
    folder = Path(order["folder"])
    try:
        pdf = typst.compile(
            folder / f"{order['template']}.typ",
            root=folder,
            font_paths=[folder / "fonts"],
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(order["data"], ensure_ascii=False)},
            format="pdf",
            pdf_standards=["a-2b", "ua-1"],
            timestamp=order["at"],
        )
    except typst.TypstError as error:
        if lacking := re.findall(r'the text `"([^"\\]+)"` could not be displayed', error.diagnostic):
            sys.stderr.buffer.write("".join(dict.fromkeys(lacking)).encode())
            sys.exit(UNPRINTABLE)
        sys.exit(error.message)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
