"""The record's checkpoint and its key, for everybody, at the address that the origin names."""

from ca import verify_log
from tests.certificates.holders import certified
from tests.certificates.records import ORIGIN, sealed, the_signer
from tests.web.site import Site


def test_everybody_fetches_the_newest_checkpoint_and_verifies_it(site: Site) -> None:
    browser = site.browser()
    assert browser.get("/log/checkpoint").status_code == 404
    certified(site.database)
    sealed(site.database)

    answer, key = browser.get("/log/checkpoint"), browser.get("/log/key").text

    assert key.strip() == the_signer().verifier_key
    assert verify_log.read_head(answer.text, key)[:2] == (ORIGIN, 2)
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"
    assert "Set-Cookie" not in answer.headers
