"""The form by which the cloud opens the page in its frame: read as text, and handed to the page's script.

The script reads the parameters, of a form as of an address. Here nothing is decoded, stored or logged: the
text is checked for its form only, and becomes an attribute of the page.
"""

import re
from dataclasses import dataclass

from flask import request

from validator.errors import Refusal
from validator.web import incoming
from validator.web.portal.policy import PopPolicy

MAX_FORM = 16_384  # bytes
_ENCODED = re.compile(
    rb"[!-~]*"
)  # a form has no other bytes (URL standard, application/x-www-form-urlencoded)
_WITHOUT_ORIGIN = (None, "null")  # of older browsers, and of pages without a referrer


@dataclass(frozen=True, slots=True)
class PresentedForm:
    """The text of a form, "" without one; or the key of the trouble with it; and the response's status."""

    text: str = ""
    trouble: str = ""
    status: int = 200


def presented_form(policy: PopPolicy) -> PresentedForm:
    """Return the form of the present request; one that another page than the cloud's sent is not read."""
    if request.method != "POST":
        return PresentedForm()
    if incoming.page_origin() not in (*_WITHOUT_ORIGIN, *policy.cloud_origins):
        return PresentedForm(trouble="form_refused", status=403)
    try:
        content = incoming.read_body(request.environ, MAX_FORM)
    except Refusal as refusal:
        return PresentedForm(trouble="call_unreadable", status=refusal.answer.value.status)
    if request.mimetype != incoming.FORM or not _ENCODED.fullmatch(content):
        return PresentedForm(trouble="call_unreadable", status=400)
    return PresentedForm(content.decode("ascii"))
