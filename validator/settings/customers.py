"""The sections about customers and their telephone numbers."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError

from validator.customers.catalogue import Catalogue, Mask, Place
from validator.customers.link import LinkTemplate
from validator.customers.policy import HTTP_AUTHS, SOURCES, CustomersPolicy
from validator.errors import ConfigurationError
from validator.numbers.reading import NumbersPolicy
from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings


class CardLink(fields.Setting):
    """The template of links into the CRM, or none."""

    allowed = '"" or a template such as "https://crm.example.com/customers/{id}"'

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise self.wrong(value)
        try:
            LinkTemplate(value)
        except ValueError as error:
            raise ValidationError(f"{error}; allowed is {self.allowed}") from None
        return value

    def resolve(self, value: Any, around: Surroundings) -> LinkTemplate | None:
        """Return the template, or None without one."""
        return LinkTemplate(value) if value else None


class CustomersSection(Section):
    """`[customers]`."""

    policy = CustomersPolicy
    source = fields.Choice(("", *SOURCES))
    catalogue = places.HomePath()
    card = fields.Boolean()
    card_link = CardLink(empty=True)
    card_call_out = fields.Boolean()
    keep = fields.Duration("1d", "3650d")
    sql_url = places.DatabaseUrl(empty=True)
    sql_password_file = places.SecretFile("customers.sql_password")
    sql_query = fields.Pattern(r"[^;\x00]{0,4096}", "one SELECT without a semicolon, at most 4096 characters")
    sql_insecure = fields.Boolean()
    http_url = network.SystemUrl(empty=True)
    http_auth = fields.Choice(HTTP_AUTHS)
    http_secret_file = places.SecretFile("customers.http_secret")
    http_ca_file = places.HomePath()

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the fields that the catalogue declares, and the folder of a relative SQLite file."""
        catalogue = around.catalogue(values["catalogue"])
        _check_link(values["card_link"], catalogue)
        return {"catalogue": catalogue, "home": around.home}


def _check_link(template: str, catalogue: Catalogue) -> None:
    """Raise ConfigurationError when *template* has a place for what a card does not show as a whole."""
    shown = [each.name for each in catalogue.fields if Place.CARD in each.show and each.mask is Mask.NONE]
    unknown = LinkTemplate(template).unknown(("id", "number", *shown)) if template else []
    if unknown:
        names = ", ".join(f"{{{name}}}" for name in unknown)
        raise ConfigurationError(
            [f"customers.card_link: {names}: not id, number or a field of the card without a mask"]
        )


class NumbersSection(Section):
    """`[numbers]`."""

    policy = NumbersPolicy
    region = fields.Pattern(r"[A-Z]{2}", 'the two capital letters of a country (ISO 3166), such as "CN"')
