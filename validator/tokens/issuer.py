"""Signs enterprise tokens."""

import secrets

from validator.clock import Clock, from_milliseconds, to_milliseconds
from validator.keys.keyring import Keyring
from validator.tokens.claims import MAX_LIFE, Audience, Claims, Subject, TokenPolicy

_JTI_BYTES = 18  # 144 random bits; a multiple of 3 bytes leaves no spare bits in base64


class TokenIssuer:
    """Issues tokens signed with the keyring's signing key."""

    def __init__(self, keyring: Keyring, policy: TokenPolicy, clock: Clock) -> None:
        self._keyring, self._policy, self._clock = keyring, policy, clock

    def issue(self, subject: Subject, epoch: int, revocation: int) -> tuple[str, Claims]:
        """Return a token for *subject* at its account's *epoch*, with its claims; raises Fault without keys.

        *revocation* is the number of the last known revocation when the token is issued.
        """
        now = from_milliseconds(to_milliseconds(self._clock.now()))
        claims = Claims(
            jti=secrets.token_urlsafe(_JTI_BYTES),
            subject=subject,
            epoch=epoch,
            revocation=revocation,
            issued_at=now,
            expires_at=now + self._policy.lifetime(subject.audience),
        )
        return self._keyring.signer(purpose(subject.audience), MAX_LIFE).sign(claims.to_json()), claims


def purpose(audience: Audience) -> str:
    """Return the salt that separates tokens of *audience* from all other signatures."""
    return f"validator.token.{audience}.v1"
