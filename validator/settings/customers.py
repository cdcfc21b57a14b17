"""The sections about customers and their telephone numbers."""

from collections.abc import Mapping
from typing import Any

from validator.customers.directory import SOURCES, CustomersPolicy
from validator.numbers.reading import NumbersPolicy
from validator.settings import fields, places
from validator.settings.section import Section
from validator.settings.surroundings import Surroundings


class CustomersSection(Section):
    """`[customers]`."""

    policy = CustomersPolicy
    source = fields.Choice(("", *SOURCES))
    catalogue = places.HomePath()
    keep = fields.Duration("1d", "3650d")

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return the fields that the catalogue declares."""
        return {"catalogue": around.catalogue(values["catalogue"])}


class NumbersSection(Section):
    """`[numbers]`."""

    policy = NumbersPolicy
    region = fields.Pattern(r"[A-Z]{2}", 'the two capital letters of a country (ISO 3166), such as "CN"')
