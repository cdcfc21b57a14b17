"""The settings of webhooks: without a usable secret nothing is sent, and the server does not start."""

from datetime import timedelta

import pytest

from validator.webhooks.policy import WebhooksPolicy

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def policy(url: str = "https://crm.example.com/hooks", secret: str | None = SECRET) -> WebhooksPolicy:
    return WebhooksPolicy(url, timedelta(seconds=15), timedelta(days=30), 1000, secret=secret)


@pytest.mark.parametrize(
    ("secret", "words"), [(None, "is missing"), ("", "is missing"), ("hunter2-hunter2", "line 1 is not")]
)
def test_url_needs_a_secret(secret: str | None, words: str) -> None:
    """The problem names the setting and quotes nothing of the secret."""
    (problem,) = policy(secret=secret).problems

    assert problem.startswith("webhooks.secret_file: ")
    assert words in problem
    assert "hunter2" not in problem


def test_secret_does_not_show() -> None:
    """Neither a print of the policy nor its problems have the secret."""
    assert policy().problems == []
    assert SECRET not in repr(policy())


def test_off_needs_nothing() -> None:
    """Without a URL there is no problem."""
    assert policy(url="", secret=None).problems == []
