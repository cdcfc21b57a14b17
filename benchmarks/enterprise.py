"""An enterprise for a benchmark: a home with tenants and agents, and the cloud's questions about them.

All of it is made as an operator makes it. `benchmarks.population` is for sizes at which that takes too long.
"""

import subprocess
from pathlib import Path

from benchmarks.load import post
from benchmarks.servers import environment, validator
from validator.accounts.identity import Identity
from validator.services import open_services
from validator.settings.loading import load
from validator.tokens.claims import Audience, TokenRequest
from validator.tokens.issuance import Issuance
from validator.tokens.principals import Operator

AGENT_PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
RIGHT = b'"retCode":0'
PASSWORD = "a phrase that nobody will ever type"  # of every agent  # noqa: S105
_FIRST_TENANT = 202400000001


def furnish(home: Path, tenants: int, tokens: int) -> list[bytes]:
    """Make a home with *tenants* and as many agents as *tokens*, each with an account.

    Return a question of the cloud about a good token of each agent, of each tenant in turn.
    """
    subprocess.run(validator(home, "init"), env=environment(), check=True, stdout=subprocess.PIPE)  # noqa: S603
    services = open_services(load(home, environment=environment()))
    try:
        names = [str(_FIRST_TENANT + number) for number in range(tenants)]
        for name in names:
            services.tenants.add(name, "")
        password_hash = services.passwords.hash(PASSWORD)
        questions = []
        for number in range(tokens):
            tenant, agent = names[number % tenants], f"agent-{number}"
            services.accounts.add(agent, tenant, password_hash, Identity(agent))
            questions.append(_question(services.issuance, tenant, agent))
        return questions
    finally:
        services.close()


def _question(issuance: Issuance, tenant: str, agent: str) -> bytes:
    token, _ = issuance.issue(Operator(), TokenRequest(Audience.AGENT, tenant, agent))
    body = {"access_token": token, "tenantSpaceId": tenant, "userAccount": agent}
    return post(AGENT_PATH, body, X_Forwarded_For="203.0.113.1")
