"""Masking: an operator sees where to look, and a reader does not see whom it is about."""

import pytest

from validator.limits.masking import masked
from validator.limits.policy import PURPOSES

MASKED = [
    ("callbacks_foreign", "203.0.113.77", "203.0.113.x"),
    ("callbacks_foreign", "10.0.0.1", "10.0.0.x"),
    ("login_address", "2001:db8:1:2::/64", "2001:db8:1::/48"),
    ("other_address", "unknown", "unknown"),
    ("other_address", "not an address", "unknown"),
    ("callbacks_tenant", "agent:202400000001", "agent:2024…"),
    ("callbacks_tenant", "chat:acme", "chat:ac…"),
    ("callbacks_tenant", "chat:a", "chat:…"),
    ("callbacks_tenant", "", "…"),
    ("callbacks_subject", "agent:202400000001:li.wei", "agent:2024…:li…"),
    ("callbacks_subject", "chat:acme:a:b.long.name", "chat:ac…:a:…"),
    ("callbacks_subject", "chat:acme:\x1b[31m-name", "chat:ac…:\\u001b[…"),
    ("callbacks_token", "3f9a0c11d2", "3f9a…"),
    ("callbacks_refused", "3f9a0c11d2", "3f9a…"),
    ("signing_channel", "817854979183314945", "8178…"),
    ("signing_prefix", "817854979183314945:203.0.113.0/24", "8178…:203.0.113.x"),
    ("signing_prefix", "817854979183314945:2001:db8:1::/48", "8178…:2001:db8:1::/48"),
    ("signing_all_prefix", "203.0.113.0/24", "203.0.113.x"),
    ("signing_all_prefix", "unknown", "unknown"),
    ("signing_guest", "guest-of-the-house", "gu…"),
    ("signing_all", "everybody", "everybody"),
    ("callrecords_route", "ctibar:202400000001", "ctibar:2024…"),
    ("query_source", "202400000001:203.0.113.77", "2024…:203.0.113.x"),
    ("lookup_misses", "account:li.wei", "account:li…"),
    ("query_misses", "202400000001:2001:db8:1:2::/64", "2024…:2001:db8:1::/48"),
    ("query_tenant", "202400000001", "2024…"),
    ("verification_tenant", "202400000001", "2024…"),
    ("verification_resets", "202400000001:3f9a0c11d2", "2024…:3f9a…"),
    ("verifications_address", "203.0.113.77", "203.0.113.x"),
    ("ivr_misses", "202400000001", "2024…"),
    ("tokens_caller", "account:li.wei", "account:li…"),
    ("tokens_caller", "account:li", "account:l…"),
    ("tokens_caller", "account:a:b.long.name", "account:a:…"),
    ("tokens_caller", "client:3f9a0c11", "client:3f…"),
    ("tokens_caller", "operator", "op…"),
]


@pytest.mark.parametrize(("limit", "key", "shown"), MASKED)
def test_keys_are_masked_by_their_kind(limit: str, key: str, shown: str) -> None:
    """Of an address its network is left, of a name the beginning, and at most half of it."""
    assert masked(limit, key) == shown


@pytest.mark.parametrize("limit", PURPOSES)
def test_no_kind_of_key_is_shown_whole(limit: str) -> None:
    """Whatever kinds of key there are, a mask is known for each."""
    key = "203.0.113.77" if "source" in PURPOSES[limit].key else "abcdefghijkl"

    assert key not in masked(limit, key)
