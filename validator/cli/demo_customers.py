"""The customers of `validator demo`; the first one has the number that calls at the simulated agent bar."""

from validator.audit.events import EventName
from validator.cli import samples
from validator.cli.operators import recorded
from validator.customers.directory import Customer
from validator.services import Services

RINGING, NUMBER, HOTLINE, NOBODYS = "88889007", "13606254580", "95588", "13606254588"
_CUSTOMERS = (
    Customer(
        "demo-1",
        (RINGING, f"+86{NUMBER}"),
        {"name": "李伟", "level": "gold", "since": "2024-03-01", "card": "6222020200112233445"},
    ),
    Customer("demo-2", (HOTLINE,), {"name": "王芳", "level": "standard"}),
    Customer("demo-3", (HOTLINE,), {"name": "赵敏"}),
)


def add(services: Services) -> None:
    """Store the customers, or store them again, so that none of them is too old."""
    with recorded(services, EventName.CUSTOMERS, f"added {len(_CUSTOMERS)} samples", tenant=samples.TENANT):
        services.customers.put(samples.TENANT, _CUSTOMERS, services.clock.now())
