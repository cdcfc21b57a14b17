"""The settings of webhooks: without a usable secret nothing is sent, and the server does not start."""

import pytest

from tests.support.webhook_parts import SECRET, policy_of


@pytest.mark.parametrize(
    ("secret", "words"), [(None, "is missing"), ("", "is missing"), ("hunter2-hunter2", "line 1 is not")]
)
def test_url_needs_a_secret(secret: str | None, words: str) -> None:
    """The problem names the setting and quotes nothing of the secret."""
    (problem,) = policy_of(secret=secret).problems

    assert problem.startswith("webhooks.secret_file: ")
    assert words in problem
    assert "hunter2" not in problem


def test_secret_does_not_show() -> None:
    """Neither a print of the policy nor its problems have the secret."""
    assert policy_of().problems == []
    assert SECRET not in repr(policy_of())


def test_off_needs_nothing() -> None:
    """Without a URL there is no problem."""
    assert policy_of("", secret=None).problems == []
