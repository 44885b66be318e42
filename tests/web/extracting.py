"""The messages of the site, as they stand in its code and templates; run it to bring the catalogue up to date.

`python -m tests.web.extracting` adds what is new to `catalogues/vi.po`, untranslated, and drops what is gone.
"""

from io import BytesIO

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from provisioner.web.speaking import CATALOGUES

WEB = CATALOGUES.parent
FILE = CATALOGUES / "vi.po"


def template() -> Catalog:
    """Every message that is used."""
    catalogue = Catalog(project="congvu-provisioner", charset="utf-8", fuzzy=False)
    keywords = {"gettext": None, "ngettext": (1, 2), "_": None}
    for _file, _line, message, comments, context in extract_from_dir(
        WEB,
        [("**.py", "python"), ("templates/**.html", "jinja2")],
        {"templates/**.html": {"silent": "false", "trimmed": "true"}},
        keywords=keywords,
    ):
        catalogue.add(message, auto_comments=comments, context=context)
    return catalogue


def vietnamese() -> Catalog:
    return read_po(BytesIO(FILE.read_bytes()), locale="vi")


def is_translated(message: Message) -> bool:
    """Whether every form of the message is there."""
    said = message.string
    return bool(said) if isinstance(said, str) else bool(said) and all(said)


def brought_up_to_date(file: bytes) -> bytes:
    """The catalogue with the messages that are used. Of the same messages it always makes the same bytes."""
    known = read_po(BytesIO(file), locale="vi")
    # With the moment of the extraction in it, every two branches would conflict.
    known.update(template(), no_fuzzy_matching=True, update_creation_date=False)
    known.obsolete.clear()
    written = BytesIO()
    write_po(written, known, omit_header=False, no_location=True, sort_output=True, width=110)
    return written.getvalue()


if __name__ == "__main__":
    FILE.write_bytes(brought_up_to_date(FILE.read_bytes()))
    for message in vietnamese():
        if message.id and not is_translated(message):
            print(repr(message.id))
