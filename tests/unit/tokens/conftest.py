"""What the tests of the tokens may ask for."""

from pathlib import Path

import pytest

from tests.support.token_parts import TokenParts, make_parts


@pytest.fixture
def parts(tmp_path: Path) -> TokenParts:
    """Return the parts that make and prove tokens, with a keyring of the test's own."""
    return make_parts(tmp_path)
