"""The section about the system of the enterprise that gets call records."""

from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.webhooks.policy import WebhooksPolicy


class WebhooksSection(Section):
    """`[webhooks]`."""

    policy = WebhooksPolicy
    url = network.SystemUrl(empty=True)
    secret_file = places.SecretFile("webhooks.secret")
    ca_file = places.HomePath()
    timeout = fields.Duration("1s", "30s")
    keep = fields.Duration("1d", "365d")
    max_messages = fields.Integer(1000, 10_000_000)
