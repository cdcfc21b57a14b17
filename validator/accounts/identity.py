"""The identity of an account in the cloud, and the form of its login name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from validator.errors import OperatorError
from validator.sizes import MAX_LOGIN, MAX_USER_ACCOUNT, MAX_USER_ID, MAX_USER_NAME
from validator.untrusted import is_plain

_LOGIN = re.compile(rf"[a-z0-9][a-z0-9._@-]{{0,{MAX_LOGIN - 1}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """An agent (`userAccount`), a customer (`userId` and `userName`), both or neither."""

    user_account: str | None = None
    user_id: str | None = None
    user_name: str | None = None

    def check(self, is_reserved: Callable[[str], bool]) -> None:
        """Raise OperatorError when a name is too long or unprintable, or a customer lacks one of both names.

        Also when *is_reserved* returns that the userId is reserved for guests.
        """
        if self.user_id is not None and is_reserved(self.user_id):
            raise OperatorError("this user id begins like the ids of guests (webchat.guest_prefix)")
        if (self.user_id is None) != (self.user_name is None):
            raise OperatorError("a customer identity needs both a user id and a user name")
        for text, max_length in (
            (self.user_account, MAX_USER_ACCOUNT),
            (self.user_id, MAX_USER_ID),
            (self.user_name, MAX_USER_NAME),
        ):
            if text is not None and not (1 <= len(text) <= max_length and is_plain(text)):
                raise OperatorError(
                    f"an identity has 1 to {max_length} printable characters and no space at its ends"
                )


def check_login(login: str) -> None:
    """Raise OperatorError unless *login* is a valid login name."""
    if not _LOGIN.fullmatch(login):
        raise OperatorError(
            f"a login name has 1 to {MAX_LOGIN} of a-z 0-9 . _ @ -, the first a letter or digit"
        )
