"""Fixtures of the token tests."""

from pathlib import Path

import pytest

from tests.support.token_parts import TokenParts, make_parts


@pytest.fixture
def parts(tmp_path: Path) -> TokenParts:
    """Return the parts that issue and verify tokens, with a separate keyring."""
    return make_parts(tmp_path)
