"""How a section of the configuration becomes the policy of a room."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from marshmallow import RAISE, Schema

from validator.settings.fields import Setting
from validator.settings.surroundings import Surroundings


class Section(Schema):
    """One table of the configuration: `load` checks its values, `freeze` makes its one policy of them.

    The policy is a frozen dataclass with a field for each key (for a secret, `x` for the key `x_file`).
    """

    class Meta:
        """Marshmallow's options."""

        unknown = RAISE

    policy: ClassVar[type]
    not_in_policy: ClassVar[Collection[str]] = ()  # keys without a field: a rule reads them, or `beside`

    def freeze(self, values: Mapping[str, Any], around: Surroundings) -> Any:
        """Return the policy of the checked *values*; raises ConfigurationError when a file cannot be read."""
        resolved = {
            field.policy_field or key: field.resolve(values[key], around)
            for key, field in self.fields.items()
            if isinstance(field, Setting) and key not in self.not_in_policy
        }
        return self.policy(**resolved | self.beside(values, around))

    def beside(self, values: Mapping[str, Any], around: Surroundings) -> dict[str, Any]:
        """Return what the policy has beside the section's keys, or instead of them."""
        return {}
