"""Fills the database of this peer, and writes its requests into a file: `python furnish.py STATE NUMBER`."""

import base64
import json
import secrets
import sys
import time

from database import STATE, Base, Client, Token, engine, session

NUMBER = int(sys.argv[2])


def main() -> None:
    """Make a client, and *NUMBER* tokens of it."""
    Base.metadata.create_all(engine)
    client = Client(client_id="cloud", client_secret=secrets.token_hex(16))
    client.set_client_metadata({"token_endpoint_auth_method": "client_secret_basic", "scope": "callback"})
    tokens = [secrets.token_urlsafe(32) for _ in range(NUMBER)]
    issued = {"client_id": "cloud", "token_type": "Bearer", "scope": "callback", "expires_in": 86400}
    now = int(time.time())  # noqa: TID251 - another program than the validator
    rows = [Token(access_token=token, user_id=1, issued_at=now, **issued) for token in tokens]
    session.add_all([client, *rows])
    session.commit()
    credentials = base64.b64encode(f"cloud:{client.client_secret}".encode()).decode()
    hint = "&token_type_hint=access_token"
    asking = {
        "path": "/introspect",
        "headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Basic {credentials}",
        },
        "bodies": [f"token={token}{hint}" for token in tokens],
        "refused": {"forged": [f"token={secrets.token_urlsafe(32)}{hint}" for _ in range(NUMBER // 20)]},
        "right": '"active": true',
        "refusal": '"active": false',
    }
    (STATE / "questions.json").write_text(json.dumps(asking))


main()
