"""Introspection (RFC 7662) as Authlib's documentation builds it on Flask. No limits, no trail."""

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    create_query_client_func,
    create_query_token_func,
    create_save_token_func,
)
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from database import Client, Token, session
from flask import Flask, Response

_query_token = create_query_token_func(session, Token)


class Introspection(IntrospectionEndpoint):
    """Says of a token whether it is active."""

    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        """Let the one client ask."""
        return True

    def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
        """Return the row of the token."""
        found: Token | None = _query_token(token_string, token_type_hint)
        return found

    def introspect_token(self, token: Token) -> dict[str, Any]:
        """Return what the row says."""
        is_active = not token.is_expired() and not token.is_revoked()
        return {"active": is_active, "client_id": token.client_id, "scope": token.scope, "sub": token.user_id}


app = Flask("authlib")
_server = AuthorizationServer(
    app,
    query_client=create_query_client_func(session, Client),
    save_token=create_save_token_func(session, Token),
)
_server.register_endpoint(Introspection)


@app.post("/introspect")
def _introspect() -> Response:
    answer: Response = _server.create_endpoint_response(Introspection.ENDPOINT_NAME)
    return answer


@app.teardown_appcontext
def _end(_error: BaseException | None) -> None:
    session.remove()
