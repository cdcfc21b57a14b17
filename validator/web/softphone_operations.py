"""The routes of an agent's own softphone."""

from validator.errors import PublicError
from validator.softphone.wire import RevealAnswer, RevealRequest, SoftphonesAnswer
from validator.web.operation import BROKEN, READING, Operation

SOFTPHONE_OPERATIONS = (
    Operation(
        "/api/v1/softphone",
        "get",
        "Which softphones do the person's own agents have?",
        SoftphonesAnswer,
        refusals=(PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/softphone/reveal",
        "post",
        "A person proves their password once more, and is shown that of their softphone; that is recorded.",
        RevealAnswer,
        request=RevealRequest,
        refusals=(*READING, PublicError.LOGIN_REFUSED, PublicError.NOT_FOUND, PublicError.THROTTLED, *BROKEN),
        security=("session",),
    ),
)
