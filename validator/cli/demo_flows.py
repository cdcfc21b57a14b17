"""The IVR flow of `validator demo`, which has the caller verified by the last digits of a card."""

from pathlib import Path

from validator.audit.events import EventName
from validator.cli import samples
from validator.cli.demo_customers import NOBODYS, RINGING
from validator.cli.operators import recorded
from validator.files import write_private
from validator.services import Services
from validator.tokens.clients import Service
from validator.verification.policy import PATH

CODE = "CARD"
SETTINGS = {"verification.routes": [f"{CODE}=fields:card:4"], "verification.name_field": "name"}
ANSWER = "3445"
HINT = f"(for {RINGING} the answer is {ANSWER})"
_NAME = "flows of the demonstration"


def registration(services: Services, folder: Path, origin: str) -> str:
    """Return the flow as the cloud has it; add its client, once, with the secret in a file of *folder*."""
    secret_file = folder / "flow.secret"
    known = [client for client in services.clients.list() if client.name == _NAME]
    if not known or not secret_file.exists():
        with recorded(services, EventName.CLIENT, f"added {_NAME}"):
            client, secret = services.clients.add(_NAME, [samples.TENANT], [Service.VERIFICATION])
        write_private(secret_file, secret.encode())
        known = [client]
    write_private(folder / "flow.toml", _description(known[-1].id).encode())
    return f"""
[[flows]]
code = "{CODE}"
tenant = "{samples.TENANT}"
url = "{origin}{PATH}/{CODE}"
user = "{known[-1].id}"
secret_file = "{secret_file.name}"
"""


def _description(client_id: str) -> str:
    """Return what `validator simulate run verification` must know of the flow."""
    return f"""\
# The route of a flow, for `validator simulate run verification`.
path = "{PATH}/{CODE}"
user = "{client_id}"
secret_file = "flow.secret"
number = "{RINGING}"
answer = "{ANSWER}"
nobody = "{NOBODYS}"
"""
