"""The entry of the trail about what a logged-in person asked for."""

from validator.audit.events import Event, EventName, Outcome
from validator.errors import ValidatorError
from validator.tokens.principals import Person


def event_of(
    person: Person,
    name: EventName,
    error: ValidatorError | None = None,
    subject: str | None = None,
    detail: str | None = None,
) -> Event:
    """Return the event *name* by *person* in their tenant space, refused with *error* or else accepted."""
    reason = error.reason if error else None
    tenant, by = person.account.tenant, person.label
    return Event(name, Outcome.of(reason), reason, tenant=tenant, subject=subject, by=by, detail=detail)
