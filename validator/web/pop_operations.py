"""The routes by which a person logs in on the page in the cloud's frame."""

from validator.accounts.wire import PopCodeAnswer, PopSessionAnswer, PopSessionRequest
from validator.errors import PublicError
from validator.web.operation import BROKEN, READING, Operation

POP_OPERATIONS = (
    Operation(
        "/api/v1/pop/codes",
        "post",
        "A window where a person is logged in asks for a code for the page in the cloud's frame.",
        PopCodeAnswer,
        refusals=(PublicError.FORBIDDEN, PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session",),
    ),
    Operation(
        "/api/v1/pop/session",
        "post",
        "The page in the cloud's frame exchanges the code for its cookie.",
        PopSessionAnswer,
        request=PopSessionRequest,
        refusals=(*READING, PublicError.LOGIN_REQUIRED, *BROKEN),
    ),
    Operation(
        "/api/v1/pop/session",
        "get",
        "Who is logged in on the page in the cloud's frame, and which of the cloud's agents are they?",
        PopSessionAnswer,
        refusals=(PublicError.LOGIN_REQUIRED, *BROKEN),
        security=("session", "pop"),
    ),
    Operation(
        "/api/v1/pop/logout",
        "post",
        "Log out on the page in the cloud's frame, and everywhere else in this browser.",
        None,
        status=204,
        refusals=(PublicError.FORBIDDEN, *BROKEN),
        security=("session", "pop"),
    ),
)
