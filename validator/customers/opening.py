"""Opens the directory of customers that the settings name."""

from collections.abc import Callable

from validator.customers.crm import HttpSource
from validator.customers.directory import Directory, Share, Source
from validator.customers.policy import CustomersPolicy
from validator.customers.sql import SqlSource
from validator.customers.store import CustomerStore


def open_directory(
    policy: CustomersPolicy, store: CustomerStore, region: str, *, threads: int
) -> Directory | None:
    """Return the directory, None when customers are off; *store* is the source of that name.

    *region* is that of numbers without a country code, *threads* the size of the pool that looks up. With
    `customers.card` agents have a share of it.
    """
    if not policy.source:
        return None
    sources: dict[str, Callable[[], Source]] = {
        "store": lambda: store,
        "sql": lambda: SqlSource(policy, region),
        "http": lambda: HttpSource(policy, region),
    }
    shares = (Share.CALLERS, Share.AGENTS) if policy.card else (Share.CALLERS,)
    return Directory(sources[policy.source](), region, threads=threads, shares=shares)
