"""Verifies enterprise tokens.

Checks in this order: the format and the signature (one canonical encoding, the salt of the audience, every
trusted key), then the audience in the claims, then issued-at and expires-at with the leeway. The subject's
state in the database is not checked here.
"""

from validator.clock import Clock
from validator.errors import Reason, Refusal
from validator.keys.keyring import Keyring
from validator.keys.signing import PurposeSigner
from validator.tokens.claims import MAX_LIFE, Audience, Claims, TokenPolicy
from validator.tokens.issuer import purpose

_PURPOSES = {audience: purpose(audience) for audience in Audience}


class TokenVerifier:
    """Turns presented text into claims, or refuses it."""

    def __init__(self, keyring: Keyring, policy: TokenPolicy, clock: Clock) -> None:
        self._keyring, self._policy, self._clock = keyring, policy, clock

    def verify(self, presented_token: str, audience: Audience) -> Claims:
        """Return the claims of a token for *audience* that is valid now.

        Raises Refusal with the exact reason, or Fault when the keys cannot be read.
        """
        claims = self.read(presented_token, audience)
        self.check_time(claims)
        return claims

    def check_time(self, claims: Claims) -> None:
        """Raise Refusal unless *claims* are valid now: issued and not expired, within the leeway."""
        now = self._clock.now()
        if now < claims.issued_at - self._policy.leeway:
            raise Refusal(Reason.TOKEN_NOT_YET_VALID)
        if now >= claims.expires_at + self._policy.leeway:
            raise Refusal(Reason.TOKEN_EXPIRED)

    def signer(self, audience: Audience) -> PurposeSigner:
        """Return what verifies tokens for *audience* now; raises Fault when the keys cannot be read."""
        return self._keyring.signer(_PURPOSES[audience], MAX_LIFE)

    def read(self, presented_token: str, audience: Audience, signer: PurposeSigner | None = None) -> Claims:
        """Return the claims of a token signed here for *audience*, regardless of the time.

        *signer* is that of *audience*, for tokens that are read together: without it the keys are looked up.
        """
        payload = (signer or self.signer(audience)).verify(presented_token)
        if payload is None:
            raise Refusal(Reason.TOKEN_FORGED)
        try:
            claims = Claims.from_json(payload)
        except (ValueError, KeyError, TypeError, OverflowError):
            # Signed here and unreadable: a token of another version of this project.
            raise Refusal(Reason.TOKEN_MALFORMED) from None
        if claims.subject.audience is not audience:
            raise Refusal(Reason.TOKEN_FORGED)
        return claims
