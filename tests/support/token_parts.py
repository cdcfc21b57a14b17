"""The parts that make and prove tokens: they need no database."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.support.fakes import FakeClock
from validator.keys.keyring import FILE, Keyring
from validator.tokens.claims import Claims, Subject, TokenPolicy
from validator.tokens.issuer import TokenIssuer
from validator.tokens.verifier import TokenVerifier

POLICY = TokenPolicy(
    agent_lifetime=timedelta(minutes=10), chat_lifetime=timedelta(minutes=30), leeway=timedelta(seconds=30)
)


@dataclass(frozen=True)
class TokenParts:
    """A clock, a keyring, and what issues and verifies tokens with them under `POLICY`."""

    clock: FakeClock
    keyring: Keyring
    keyring_file: Path
    issuer: TokenIssuer
    verifier: TokenVerifier

    def issue(self, subject: Subject, epoch: int, revocation: int = 0) -> tuple[str, Claims]:
        """Return a token issued now, and its claims."""
        return self.issuer.issue(subject, epoch, revocation)


def make_parts(folder: Path) -> TokenParts:
    """Return parts whose new keyring lies in *folder*."""
    clock = FakeClock()
    keyring = Keyring(folder / "keys", clock)
    keyring.create()
    return TokenParts(
        clock=clock,
        keyring=keyring,
        keyring_file=folder / "keys" / FILE,
        issuer=TokenIssuer(keyring, POLICY, clock),
        verifier=TokenVerifier(keyring, POLICY, clock),
    )
