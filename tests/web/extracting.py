"""The messages of the site, as they stand in its code and templates; run it to bring the catalogue up to date.

`python -m tests.web.extracting` adds what is new to `catalogues/vi.po`, untranslated, and drops what is gone.
"""

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
    with FILE.open("rb") as file:
        return read_po(file, locale="vi")


def is_translated(message: Message) -> bool:
    """Whether every form of the message is there."""
    said = message.string
    return bool(said) if isinstance(said, str) else bool(said) and all(said)


if __name__ == "__main__":
    known = vietnamese() if FILE.exists() else Catalog(locale="vi", project="congvu-provisioner", fuzzy=False)
    known.update(template(), no_fuzzy_matching=True)
    known.obsolete.clear()
    with FILE.open("wb") as file:
        write_po(file, known, omit_header=False, no_location=True, sort_output=True, width=110)
    for message in known:
        if message.id and not is_translated(message):
            print(repr(message.id))
