"""Fills the database of this peer, and writes its requests into a file: `python furnish.py STATE NUMBER`."""

import json
import secrets
import sys
from datetime import timedelta
from pathlib import Path

STATE, NUMBER = Path(sys.argv[1]), int(sys.argv[2])
(STATE / "key").write_text(secrets.token_hex(32))

import django  # noqa: E402 - its settings read the key

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django wants to be set up first
from django.core.management import call_command  # noqa: E402
from django.utils import timezone  # noqa: E402
from oauth2_provider.models import AccessToken, Application  # noqa: E402


def main() -> None:
    """Make a client and an account, and *NUMBER* tokens.

    The client is authorised by a separate token: with its password instead, each request
    would cost a hash of a password.
    """
    call_command("migrate", verbosity=0)
    user = User.objects.create_user("agent")
    client = Application.objects.create(
        name="bench", client_type="confidential", authorization_grant_type="client-credentials"
    )
    end = timezone.now() + timedelta(days=1)
    asker, *tokens = (secrets.token_urlsafe(32) for _ in range(NUMBER + 1))
    about = {"user": user, "application": client, "expires": end}
    AccessToken.objects.create(**about, token=asker, scope="introspection")
    AccessToken.objects.bulk_create(AccessToken(**about, token=each, scope="callback") for each in tokens)
    asking = {
        "path": "/introspect",
        "headers": {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": f"Bearer {asker}",
        },
        "bodies": [f"token={token}" for token in tokens],
        "refused": {"forged": [f"token={secrets.token_urlsafe(32)}" for _ in range(NUMBER // 20)]},
        "right": '"active": true',
        "refusal": '"active": false',
    }
    (STATE / "questions.json").write_text(json.dumps(asking))


main()
