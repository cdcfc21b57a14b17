"""The sections about customers and their telephone numbers."""

from collections.abc import Mapping
from typing import Any

from validator.customers.policy import HTTP_AUTHS, SOURCES, CustomersPolicy
from validator.numbers.reading import NumbersPolicy
from validator.settings import fields, network, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings


class CustomersSection(Section):
    """`[customers]`."""

    policy = CustomersPolicy
    source = fields.Choice(("", *SOURCES))
    catalogue = places.HomePath()
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
        return {"catalogue": around.catalogue(values["catalogue"]), "home": around.home}


class NumbersSection(Section):
    """`[numbers]`."""

    policy = NumbersPolicy
    region = fields.Pattern(r"[A-Z]{2}", 'the two capital letters of a country (ISO 3166), such as "CN"')
