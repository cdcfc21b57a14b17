"""The source `http`: the enterprise's CRM, which gets one request for each look-up.

    POST http_url  {"number": E.164 or digits, "raw": as presented, "tenantSpaceId": text, "callId": text}
    200            {"customers": [{"id": text, "number": text or list, FIELD: text, number or null, …}, …]}

`callId` is null when the call is not known.
The number is in the body: proxies and servers log URLs. An empty list is the only way to say that nobody has
the number. Everything else is a failed look-up, 404 too, since a wrong path has it.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import orjson
import structlog

from validator.customers.directory import BUDGET, Customer
from validator.customers.policy import CustomersPolicy
from validator.customers.records import RecordReader
from validator.errors import Fault, Reason, Refusal
from validator.numbers.reading import Number
from validator.tls import trusting
from validator.untrusted import read_object

if TYPE_CHECKING:
    from validator.posting import Endpoint

MAX_RESPONSE = 65_536  # bytes
TIMEOUT = BUDGET * 0.9  # the connection ends before the look-up is given up

log = structlog.get_logger("validator.customers")


class HttpSource:
    """Customers of the enterprise's CRM."""

    def __init__(self, policy: CustomersPolicy, region: str, *, timeout: timedelta = TIMEOUT) -> None:
        """Send requests according to *policy*, each complete within *timeout*."""
        self._policy, self._timeout = policy, timeout
        self._records = RecordReader(policy.catalogue, region)

    def find(
        self, tenant: str, number: Number, maximum: int, call_id: str | None = None
    ) -> Sequence[Customer]:
        """Return at most *maximum* customers of *tenant* with *number*.

        Raises TimeoutError when the CRM has no complete response in time, and Fault(SYSTEM_FAILED) when it
        has another response, or there is no credential for it.
        """
        # The workers for the cloud's callbacks look nobody up, and do not load the library of HTTP.
        from validator.posting import UnusableResponse, post  # noqa: PLC0415

        members = {"number": number.key, "raw": number.raw, "tenantSpaceId": tenant, "callId": call_id}
        try:
            body = post(
                self._endpoint, orjson.dumps(members), timeout=self._timeout, max_response=MAX_RESPONSE
            )
            records = _records(body)
        except TimeoutError:
            log.warning("the CRM has no complete response in time")
            raise
        except UnusableResponse as error:
            raise _failed(str(error)) from None
        except Refusal as refusal:
            raise _failed(refusal.detail or refusal.reason) from None
        return [self._records.customer(record) for record in records[:maximum]]

    def close(self) -> None:
        """Close nothing: every request has its own connection."""

    @cached_property
    def _endpoint(self) -> "Endpoint":
        """The CRM; raises Fault when it cannot be asked with these settings."""
        from validator.posting import Endpoint  # noqa: PLC0415 - as in `find`

        if self._policy.problems:
            raise _failed("; ".join(self._policy.problems))
        try:
            tls = trusting(self._policy.http_ca_file)
        except OSError:
            raise _failed("customers.http_ca_file: cannot be read as certificates in PEM") from None
        return Endpoint(self._policy.http_url, self._policy.http_authorization, tls)


def _records(body: bytes) -> list[dict[str, object]]:
    """Return the records in the CRM's *body*; raises Refusal."""
    records = read_object(body).get("customers")
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise Refusal(Reason.FIELD_INVALID, "customers: not a list of objects")
    return records


def _failed(why: str) -> Fault:
    log.warning("the CRM cannot be used", why=why)
    return Fault(Reason.SYSTEM_FAILED, f"the CRM cannot be used: {why}")
