"""What a result of the directory means for the row that caused it (RFC 4511, appendix A)."""

import re

from ldap3.core.results import RESULT_CODES

from provisioner.adapters.ber import ADD_RESPONSE, Response
from provisioner.directory.port import ADDRESS_TAKEN, Answer, Outcome

SUCCESS = 0
NO_SUCH_ATTRIBUTE = 16
CONSTRAINT_VIOLATION = 19
VALUE_EXISTS = 20
NO_SUCH_OBJECT = 32
UNWILLING = 53
ENTRY_EXISTS = 68
OTHER = 80
ASSERTION_FAILED = 122

_SERVER_STATE = {
    1,  # operationsError
    3,  # timeLimitExceeded
    8,  # strongerAuthRequired
    10,  # referral: a replica, which takes no writes
    11,  # adminLimitExceeded
    13,  # confidentialityRequired
    49,  # invalidCredentials
    50,  # insufficientAccessRights
    51,  # busy
    52,  # unavailable
}
"""These say something about the server, or about our account there, and nothing about the entry: the row waits."""

_NOT_NOW = re.compile(r"restrict|read.?only|shadow|shut|paus", re.IGNORECASE)
_DATABASE = re.compile(r"txn|MDB_|full|no space|store|index|commit|internal error", re.IGNORECASE)
"""slapd answers 80 to every trouble of its database: full, no disk left, a failed commit; when full, at times without a word."""

_IDENTITY_NUMBER = re.compile(r"(?<![0-9A-Za-z])(\d{9}|\d{12})(?![0-9A-Za-z])")
"""A personal identification number has 12 digits, the old identity card 9."""


def waits(response: Response) -> bool:
    """Whether it is the server that is not ready, so that sending more is useless."""
    match response.code:
        case 32:
            return response.tag == ADD_RESPONSE  # the branch itself is missing
        case 53:
            return _NOT_NOW.search(response.diagnostic) is not None
        case 80:
            return not response.diagnostic or _DATABASE.search(response.diagnostic) is not None
    return response.code in _SERVER_STATE


def answer(response: Response) -> Answer:
    """The answer for a row whose operation ended so."""
    if response.code == SUCCESS:
        return Answer(Outcome.DONE)
    return Answer(Outcome.WAIT if waits(response) else Outcome.REFUSED, in_words(response))


def in_words(response: Response) -> str:
    """The result's name and number and what the server added, with identity numbers blotted out."""
    name = RESULT_CODES.get(response.code, "unknown")
    text = f"{name} ({response.code})" + (f": {response.diagnostic}" if response.diagnostic else "")
    if response.code == CONSTRAINT_VIOLATION and "unique" in response.diagnostic:
        text = f"{ADDRESS_TAKEN}; {text}"
    if response.code == OTHER and waits(response):
        text += " (look whether its database, olcDbMaxSize, or its disk is full)"
    return _IDENTITY_NUMBER.sub("***", text)
