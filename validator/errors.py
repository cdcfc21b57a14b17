"""The catalogue of refusals: an exact Reason for the audit trail, a coarse PublicError for the caller.

Every way in which a request can fail has one `Reason`. Each reason has exactly one `PublicError`, and many
reasons share one, so that a caller cannot distinguish an expired token from a forged one or from another
person's (oracle).

A `Refusal` is an outcome: the server worked, and the decision is no. A `Fault` is a broken dependency of the
response; the response is "unavailable", never yes.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, IntEnum, StrEnum


class RetCode(IntEnum):
    """`retCode` of the two callbacks: 0 is success to the cloud, the other values are this project's."""

    ACCEPTED = 0
    MALFORMED = 1
    REFUSED = 2
    THROTTLED = 3
    UNAVAILABLE = 4


@dataclass(frozen=True, slots=True)
class ProblemType:
    """The public form of a refusal: HTTP status, the callbacks' `retCode`, and a fixed text."""

    status: int
    ret_code: RetCode
    title: str
    oauth_error: str | None = None


class PublicError(Enum):
    """The coarse errors. Some have an `error` code of RFC 6749, which RFC 7009 and 7662 use as well."""

    MALFORMED = ProblemType(400, RetCode.MALFORMED, "malformed request", "invalid_request")
    SECRET_DISCLOSED = ProblemType(400, RetCode.MALFORMED, "a secret key must never leave the server")
    LOGIN_REFUSED = ProblemType(401, RetCode.REFUSED, "account or password is wrong")
    LOGIN_REQUIRED = ProblemType(401, RetCode.REFUSED, "login required")
    LOGIN_REPLACED = ProblemType(401, RetCode.REFUSED, "another login of this agent ended this one")
    CLIENT_REQUIRED = ProblemType(401, RetCode.REFUSED, "client authentication required", "invalid_client")
    FORBIDDEN = ProblemType(403, RetCode.REFUSED, "not allowed", "unauthorized_client")
    MISDIRECTED = ProblemType(421, RetCode.MALFORMED, "misdirected request")
    NOT_FOUND = ProblemType(404, RetCode.MALFORMED, "no such resource")
    METHOD_NOT_ALLOWED = ProblemType(405, RetCode.MALFORMED, "method not allowed")
    TOO_LARGE = ProblemType(413, RetCode.MALFORMED, "request body too large")
    UNSUPPORTED_MEDIA = ProblemType(415, RetCode.MALFORMED, "unsupported media type")
    PASSWORD_UNACCEPTABLE = ProblemType(422, RetCode.REFUSED, "the new password is not acceptable")
    VALIDATION_REFUSED = ProblemType(200, RetCode.REFUSED, "validate failed")
    THROTTLED = ProblemType(429, RetCode.THROTTLED, "too many requests", "temporarily_unavailable")
    UNAVAILABLE = ProblemType(503, RetCode.UNAVAILABLE, "temporarily unavailable", "temporarily_unavailable")
    FAULTY = ProblemType(500, RetCode.UNAVAILABLE, "internal error", "server_error")


class Reason(StrEnum):
    """The exact reason, for the audit trail and the operator, never for the caller."""

    BODY_UNREADABLE = "body_unreadable"
    BODY_TOO_LARGE = "body_too_large"
    FIELD_INVALID = "field_invalid"
    MEDIA_TYPE_UNSUPPORTED = "media_type_unsupported"
    ROUTE_UNKNOWN = "route_unknown"
    METHOD_UNKNOWN = "method_unknown"
    REQUEST_INVALID = "request_invalid"
    HOST_UNKNOWN = "host_unknown"
    SECRET_DISCLOSED = "secret_disclosed"  # noqa: S105 - the name of a reason

    TOKEN_MALFORMED = "token_malformed"  # noqa: S105
    TOKEN_FORGED = "token_forged"  # noqa: S105
    TOKEN_EXPIRED = "token_expired"  # noqa: S105
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    TOKEN_STALE = "token_stale"  # noqa: S105
    TENANT_MISMATCH = "tenant_mismatch"
    SUBJECT_MISMATCH = "subject_mismatch"
    NAME_MISMATCH = "name_mismatch"

    TENANT_UNKNOWN = "tenant_unknown"
    TENANT_DISABLED = "tenant_disabled"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_DISABLED = "account_disabled"
    PASSWORD_WRONG = "password_wrong"  # noqa: S105
    PASSWORD_POLICY = "password_policy"  # noqa: S105
    ACCOUNT_LOCKED = "account_locked"
    ADDRESS_LOCKED = "address_locked"
    HASHING_BUSY = "hashing_busy"
    OVERLOADED = "overloaded"
    SESSION_MISSING = "session_missing"
    SESSION_ENDED = "session_ended"
    SESSION_REPLACED = "session_replaced"
    POP_CODE_INVALID = "pop_code_invalid"
    CLIENT_UNKNOWN = "client_unknown"
    CLIENT_SECRET_WRONG = "client_secret_wrong"  # noqa: S105
    CLIENT_DISABLED = "client_disabled"
    TENANT_NOT_GRANTED = "tenant_not_granted"
    AUDIENCE_NOT_GRANTED = "audience_not_granted"
    IDENTITY_MISSING = "identity_missing"
    SUBJECT_NOT_OWN = "subject_not_own"
    ORIGIN_DENIED = "origin_denied"
    SOURCE_DENIED = "source_denied"
    CERTIFICATE_MISSING = "certificate_missing"
    ROUTE_SECRET_WRONG = "route_secret_wrong"  # noqa: S105

    CHANNEL_UNKNOWN = "channel_unknown"
    CHANNEL_DISABLED = "channel_disabled"
    GUEST_MISSING = "guest_missing"
    GUEST_FORGED = "guest_forged"
    GUEST_NOT_OWN = "guest_not_own"
    CUSTOMER_UNKNOWN = "customer_unknown"

    ANSWER_WRONG = "answer_wrong"
    ATTEMPTS_USED_UP = "attempts_used_up"
    VERIFICATION_UNKNOWN = "verification_unknown"
    SIP_PASSWORD_MISSING = "sip_password_missing"  # noqa: S105

    CENTRE_LINK_MISSING = "centre_link_missing"
    CENTRE_REFUSED = "centre_refused"
    CALLEE_NOT_ALLOWED = "callee_not_allowed"

    THROTTLED = "throttled"
    STORE_UNAVAILABLE = "store_unavailable"
    KEYS_UNAVAILABLE = "keys_unavailable"
    QUARANTINE_FULL = "quarantine_full"
    TRAIL_UNAVAILABLE = "trail_unavailable"
    SYSTEM_BUSY = "system_busy"
    SYSTEM_SILENT = "system_silent"
    SYSTEM_FAILED = "system_failed"
    FAULT = "fault"


_REASONS: dict[PublicError, tuple[Reason, ...]] = {
    PublicError.MALFORMED: (Reason.BODY_UNREADABLE, Reason.FIELD_INVALID, Reason.REQUEST_INVALID),
    PublicError.MISDIRECTED: (Reason.HOST_UNKNOWN,),
    PublicError.TOO_LARGE: (Reason.BODY_TOO_LARGE,),
    PublicError.UNSUPPORTED_MEDIA: (Reason.MEDIA_TYPE_UNSUPPORTED,),
    PublicError.NOT_FOUND: (
        Reason.ROUTE_UNKNOWN,
        Reason.CUSTOMER_UNKNOWN,
        Reason.VERIFICATION_UNKNOWN,
        Reason.CENTRE_LINK_MISSING,
        Reason.SIP_PASSWORD_MISSING,
    ),
    PublicError.METHOD_NOT_ALLOWED: (Reason.METHOD_UNKNOWN,),
    PublicError.SECRET_DISCLOSED: (Reason.SECRET_DISCLOSED,),
    PublicError.VALIDATION_REFUSED: (
        Reason.TOKEN_MALFORMED,
        Reason.TOKEN_FORGED,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_NOT_YET_VALID,
        Reason.TOKEN_REVOKED,
        Reason.TOKEN_STALE,
        Reason.TENANT_MISMATCH,
        Reason.SUBJECT_MISMATCH,
        Reason.NAME_MISMATCH,
        Reason.ANSWER_WRONG,
        Reason.ATTEMPTS_USED_UP,
    ),
    PublicError.LOGIN_REFUSED: (
        Reason.ACCOUNT_UNKNOWN,
        Reason.PASSWORD_WRONG,
        Reason.ACCOUNT_LOCKED,
        Reason.ADDRESS_LOCKED,
    ),
    PublicError.LOGIN_REQUIRED: (Reason.SESSION_MISSING, Reason.SESSION_ENDED, Reason.POP_CODE_INVALID),
    PublicError.LOGIN_REPLACED: (Reason.SESSION_REPLACED,),
    PublicError.CLIENT_REQUIRED: (
        Reason.CLIENT_UNKNOWN,
        Reason.CLIENT_SECRET_WRONG,
        Reason.CLIENT_DISABLED,
        Reason.ROUTE_SECRET_WRONG,
    ),
    PublicError.FORBIDDEN: (
        Reason.TENANT_UNKNOWN,
        Reason.TENANT_DISABLED,
        Reason.ACCOUNT_DISABLED,
        Reason.TENANT_NOT_GRANTED,
        Reason.AUDIENCE_NOT_GRANTED,
        Reason.IDENTITY_MISSING,
        Reason.SUBJECT_NOT_OWN,
        Reason.ORIGIN_DENIED,
        Reason.SOURCE_DENIED,
        Reason.CERTIFICATE_MISSING,
        Reason.CHANNEL_UNKNOWN,
        Reason.CHANNEL_DISABLED,
        Reason.GUEST_MISSING,
        Reason.GUEST_FORGED,
        Reason.GUEST_NOT_OWN,
        Reason.CENTRE_REFUSED,
        Reason.CALLEE_NOT_ALLOWED,
    ),
    PublicError.PASSWORD_UNACCEPTABLE: (Reason.PASSWORD_POLICY,),
    PublicError.THROTTLED: (Reason.THROTTLED,),
    PublicError.UNAVAILABLE: (
        Reason.HASHING_BUSY,
        Reason.OVERLOADED,
        Reason.STORE_UNAVAILABLE,
        Reason.KEYS_UNAVAILABLE,
        Reason.QUARANTINE_FULL,
        Reason.TRAIL_UNAVAILABLE,
        Reason.SYSTEM_BUSY,
        Reason.SYSTEM_SILENT,
        Reason.SYSTEM_FAILED,
    ),
    PublicError.FAULTY: (Reason.FAULT,),
}
PUBLIC_ERROR_OF: dict[Reason, PublicError] = {
    reason: error for error, reasons in _REASONS.items() for reason in reasons
}


class ValidatorError(Exception):
    """The base class of all exceptions that this project raises deliberately."""

    def __init__(
        self, reason: Reason, detail: str | None = None, *, retry_after: timedelta | None = None
    ) -> None:
        """Store the exact *reason*; *detail* is for the caller and must not reveal anything."""
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after

    @property
    def answer(self) -> PublicError:
        """The public error for this reason."""
        return PUBLIC_ERROR_OF[self.reason]


class Refusal(ValidatorError):  # noqa: N818 - an outcome, not an error
    """An outcome: the request was understood, and the decision is no."""

    def without_frames(self) -> "Refusal":
        """Return this refusal, no longer with the frames in which it was raised.

        Frames that hold a refusal as a result, and are held by it, are freed by the garbage collector only.
        """
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self


class Fault(ValidatorError):  # noqa: N818 - the word is in the catalogue
    """A dependency of the response is broken; nothing may be accepted meanwhile."""


class ConfigurationError(Exception):
    """The configuration is invalid; `problems` has every problem, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class OperatorError(Exception):
    """An operator's command cannot be executed; its `lines` explain why, without secrets."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
