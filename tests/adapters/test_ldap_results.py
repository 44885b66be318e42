"""What a result of the directory means for its row, where no real server says it whenever it is asked."""

import pytest

from provisioner.adapters.ber import ADD_RESPONSE, Response
from provisioner.adapters.ldap_results import OTHER, answer
from provisioner.directory.port import Outcome


@pytest.mark.parametrize("said", ["txn_commit failed", "entry store failed", "index generation failed", ""])
def test_trouble_of_the_servers_database_makes_rows_wait_also_when_it_says_nothing(said: str) -> None:
    """A full slapd 2.5 at times answered so; no row may stay for a person."""
    assert answer(Response(1, ADD_RESPONSE, OTHER, "", said)).outcome is Outcome.WAIT


def test_another_trouble_that_is_told_is_the_rows_own() -> None:
    assert answer(Response(1, ADD_RESPONSE, OTHER, "", "no such syntax")).outcome is Outcome.REFUSED
