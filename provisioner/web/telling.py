"""No action without saying what happened: a word in a cookie, shown as a sentence on the next page and then gone."""

from flask import Response, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from provisioner.web.speaking import gettext

COOKIE = "__Host-said"


def _sentences() -> dict[str, str]:
    return {
        "request-sent": gettext("Sent for approval. Somebody else decides on it."),
        "request-approved": gettext("Approved. The mailboxes and certificates are on their way."),
        "request-returned": gettext("Returned with your reason."),
        "password-changed": gettext(
            "The password was changed. Use the new one in your mail programs from now on."
        ),
        "factor-on": gettext("The second factor is on."),
        "factor-off": gettext("The second factor is off."),
        "factor-replaced": gettext("Done. All sessions have ended; sign in with what is new."),
        "session-ended": gettext("Signed out there."),
        "sessions-ended": gettext("Signed out everywhere else."),
        "role-given": gettext("The role is given. It holds from the next page they open."),
        "role-taken": gettext("The role is taken back. It ended with this."),
        "operator-disabled": gettext("Shut out. Their sessions and links have ended."),
        "operator-enabled": gettext("Let in again, with the roles they have."),
        "name-settled": gettext(
            "Noted. The directory follows within seconds, certificates with the next one."
        ),
        "name-as-it-was": gettext("The parts of the name are those that were there already."),
        "operator-tied": gettext("Noted who this is."),
        "operator-contact-set": gettext("Noted where they are written to."),
        "report-asked": gettext("Sent to be signed. The file is here as soon as it is."),
        "mailboxes-locked": gettext("Locked. The directory follows within seconds."),
        "mailboxes-unlocked": gettext("Unlocked. The directory follows within seconds."),
        "mailboxes-disabled": gettext("Disabled. Mail to them is refused as soon as the directory follows."),
        "mailboxes-enabled": gettext("Active again. The directory follows within seconds."),
        "slips-handed-out": gettext("Noted: the slips of this agency were handed out."),
        "no-slips-to-hand-out": gettext("No slip of this agency was waiting to be handed out."),
        "certificates-ordered": gettext("Ordered. The signer issues them within seconds."),
        "nothing-changed": gettext("Nothing was chosen that this could be done with, so nothing changed."),
        "revocation-proposed": gettext("Proposed. Somebody else agrees to it."),
        "revocation-approved": gettext("Agreed. The certificates are being revoked."),
        "revocation-refused": gettext("It will not be carried out. The reason is kept with it."),
        "result-asked": gettext("Asked for. The file is here as soon as it is written."),
        "roster-approved": gettext("Approved and set going. You may close this page; the work goes on."),
    }


def back_to(address: str, said: str) -> AnyResponse:
    """To the page that shows the outcome, with what happened; `said` is a word of the list above."""
    answer = redirect(address, 303)
    answer.set_cookie(COOKIE, said, max_age=60, secure=True, httponly=True, samesite="Strict", path="/")
    return answer


def happened() -> str | None:
    """The sentence to show, once. A word that somebody made up says nothing."""
    word = request.cookies.get(COOKIE)
    sentence = _sentences().get(word) if word else None
    g.told = sentence is not None
    return sentence


def forget(response: Response) -> Response:
    """What was shown is not shown again."""
    if g.get("told") and response.status_code == 200:
        response.set_cookie(COOKIE, "", max_age=0, secure=True, httponly=True, samesite="Strict", path="/")
    return response
