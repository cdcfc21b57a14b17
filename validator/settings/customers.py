"""The sections about customers and their telephone numbers."""

from validator.numbers.reading import NumbersPolicy
from validator.settings import fields
from validator.settings.section import Section


class NumbersSection(Section):
    """`[numbers]`."""

    policy = NumbersPolicy
    region = fields.Pattern(r"[A-Z]{2}", 'the two capital letters of a country (ISO 3166), such as "CN"')
