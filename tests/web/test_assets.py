"""Assets: ours or vendored, known by their hash, and no word of another host."""

import hashlib
import json
import re

from provisioner.web.frame import asset
from tests.web.extracting import WEB
from tests.web.site import Site

VENDOR = WEB / "static" / "vendor"


def test_vendored_files_are_what_the_list_says() -> None:
    listed = {
        f"{item['folder']}/{name}": sha
        for item in json.loads((VENDOR / "vendor.json").read_text("utf-8"))
        for name, sha in item["sha256"].items()
    }
    there = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }

    assert there == listed


def test_pages_name_no_other_host_and_hold_no_inline_code_or_style() -> None:
    for path in [
        *(WEB / "templates").glob("*.html"),
        WEB / "static" / "site.css",
        WEB / "static" / "site.js",
    ]:
        text = path.read_text("utf-8")
        assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"(?m)^\s*//.*$", "", text)), path.name
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text), (
            path.name
        )


def test_colours_and_fonts_are_named_once() -> None:
    css = (WEB / "static" / "site.css").read_text("utf-8")
    after_tokens = css[css.index("}", css.index(":root")) :]

    assert (
        len(re.findall(r"#[0-9a-f]{3,8}\b", re.sub(r"@media print.*", "", after_tokens, flags=re.DOTALL)))
        <= 10
    )


def test_a_static_file_may_be_kept_for_ever_because_its_address_changes_with_it(site: Site) -> None:
    with site.app.test_request_context():
        address = asset("site.css")

    answer = site.browser().get(address)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert hashlib.sha256(answer.data).hexdigest()[:12] in address
