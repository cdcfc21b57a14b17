"""The rules between settings: what one setting alone cannot show."""

from collections.abc import Iterator, Mapping
from typing import Any

OWN_PATHS = ("/api/", "/webchat/", "/service-cloud/", "/healthz/", "/readyz/", "/openapi.json/")


def broken_rules(sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each setting that does not go with the others, and why; *sections* are checked one by one."""
    yield from _callbacks(sections["callbacks"])


def _callbacks(callbacks: Any) -> Iterator[tuple[str, str]]:
    if callbacks.agent_path == callbacks.chat_path:
        yield "callbacks.chat_path", "is the agent_path too; each callback needs its own"
    for key in ("agent_path", "chat_path"):
        if f"{getattr(callbacks, key)}/".startswith(OWN_PATHS):
            yield f"callbacks.{key}", f"is another route's; allowed is any but {', '.join(OWN_PATHS)}"
