"""Errors leave a process as they were raised in it."""

import pickle

from provisioner.errors import Conflict, Text


def test_an_error_comes_out_of_another_process_with_its_code_and_both_languages():
    raised = Conflict(
        Text(vi="Danh bạ đã có hộp thư.", en="There are mailboxes."), code="directory-not-empty"
    )

    error = pickle.loads(pickle.dumps(raised))

    assert isinstance(error, Conflict)
    assert (error.text, error.code, str(error)) == (
        raised.text,
        "directory-not-empty",
        "There are mailboxes.",
    )
