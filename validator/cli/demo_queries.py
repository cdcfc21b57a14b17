"""The route on which the simulated cloud of `validator demo` asks who is calling."""

import secrets
from pathlib import Path
from typing import Any

from validator.cli import samples
from validator.cli.demo_customers import HOTLINE, NOBODYS, RINGING
from validator.files import write_private

PATH = "/rest/v1/queryCustomer"
_DESCRIPTION = f"""\
# The route of queryCustomer, for `validator simulate query` and `validator simulate run customer-query`.
tenant = "{samples.TENANT}"
path = "{PATH}"
secrets_file = "query.secrets"

[numbers]
one = "{RINGING}"
several = "{HOTLINE}"
none = "{NOBODYS}"
"""


def settings(folder: Path) -> dict[str, Any]:
    """Write the route's secret, once, and its description into *folder*; return the settings of the route."""
    file = folder / "query.secrets"
    if not file.exists():
        write_private(file, f"{samples.TENANT} {secrets.token_hex(32)}\n".encode())
    write_private(folder / "query.toml", _DESCRIPTION.encode())
    routes = [f"{samples.TENANT}={PATH}"]
    return {"query_customer.routes": routes, "query_customer.secrets_file": str(file)}


def command(folder: Path, origin: str) -> str:
    """Return the command that asks as the cloud does."""
    trust, query = (samples.shown(folder / name) for name in ("server.cer", "query.toml"))
    return (
        f"echo {RINGING} | validator simulate query \\\n"
        f"                    --target {origin} --trust {trust} --query {query}"
    )
