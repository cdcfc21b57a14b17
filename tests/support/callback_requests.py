"""The cloud's two questions, as the tests of the callbacks ask them."""

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.fakes import AGENT, AGENT_PATH, CHAT_PATH, CUSTOMER, Enterprise
from validator.tokens.claims import Audience, Claims, Subject, TokenRequest
from validator.tokens.principals import Operator


@dataclass(frozen=True)
class Side:
    """One callback: where the cloud calls, and whom the tests' token is for."""

    path: str
    subject: Subject
    token_field: str
    subject_field: str

    def question(self, token: str) -> dict[str, Any]:
        """Return what the cloud posts about *token*, all of it right."""
        name = {} if self.subject.name is None else {"userName": self.subject.name}
        return {
            self.token_field: token,
            "tenantSpaceId": self.subject.tenant,
            self.subject_field: self.subject.id,
            **name,
        }

    def ask(self, cloud: FlaskClient, question: dict[str, Any]) -> TestResponse:
        """Return the answer to *question*."""
        return cloud.post(self.path, json=question)


AGENT_SIDE = Side(AGENT_PATH, AGENT, "access_token", "userAccount")
CHAT_SIDE = Side(CHAT_PATH, CUSTOMER, "Token", "userId")
SIDES = {"agent": AGENT_SIDE, "chat": CHAT_SIDE}


def issued(enterprise: Enterprise, subject: Subject) -> tuple[str, Claims]:
    """Return a token for *subject* and what it says, issued past every question of who asks."""
    wish = TokenRequest(subject.audience, subject.tenant, subject.id, subject.name)
    return enterprise.services.issuance.issue(Operator(), wish)


def other_audience(subject: Subject) -> Subject:
    """Return the same tenant and id towards the other callback."""
    if subject.audience is Audience.AGENT:
        return Subject(Audience.CHAT, subject.tenant, subject.id, "Ann")
    return Subject(Audience.AGENT, subject.tenant, subject.id)
