"""How a number and a customer are named where neither may be seen: in the trail, on a card, in a key."""

from validator.keys.index import IndexKeys
from validator.keys.monthly import MonthlyKeys
from validator.numbers.reading import read_number

_REFERENCE_BYTES = 16


def number_key(region: str, text: str) -> str | None:
    """Return the one key of the number that *text* spells in any way; None when it spells none.

    *region* is that of numbers without a country code.
    """
    number = read_number(text, region)
    return None if number is None else number.key


def name_number(names: MonthlyKeys, region: str, tenant: str, text: str) -> str | None:
    """Return the trail's name of the number of *tenant* that *text* spells; None when it spells none."""
    key = number_key(region, text)
    return None if key is None else names.digest(tenant, key)


def name_customer(keys: IndexKeys, tenant: str, customer_id: str) -> str:
    """Return a card's reference to a customer of *tenant*: no number and no id has such a blind index."""
    return keys.digests(tenant, f"card:{customer_id}")[0][:_REFERENCE_BYTES].hex()
