"""A verifier of tokens that fails in a way that nobody foresaw, with a secret in its message."""

from dataclasses import replace

from tests.support.fakes import Enterprise
from validator.callbacks.validation import Validation
from validator.keys.signing import PurposeSigner
from validator.tokens.claims import Audience, Claims
from validator.tokens.verifier import TokenVerifier

SECRET = "secret words"


class BrokenVerifier(TokenVerifier):
    """Fails for every token, or for those that end with *ending*."""

    ending = ""

    def read(self, presented_token: str, audience: Audience, signer: PurposeSigner | None = None) -> Claims:
        """Raise what no part of the application knows."""
        if presented_token.endswith(self.ending):
            raise RuntimeError(f"{SECRET} about {presented_token}")
        return super().read(presented_token, audience, signer)


def with_broken_verifier(enterprise: Enterprise, ending: str = "") -> Enterprise:
    """Return *enterprise* with callbacks that fail for tokens that end with *ending*."""
    services, settings = enterprise.services, enterprise.services.settings
    verifier = BrokenVerifier(services.keyring, settings.tokens, services.clock)
    verifier.ending = ending
    validation = Validation(
        verifier, services.subject_states, services.rate_limits, services.trail, settings.callbacks
    )
    return replace(enterprise, services=replace(services, validation=validation))
