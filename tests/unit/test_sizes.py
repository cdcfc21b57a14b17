"""The sizes of the cloud's names: pinned, and the same in every schema and table."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from marshmallow import Schema
from sqlalchemy import String

import validator
from validator import sizes
from validator.store.database import metadata
from validator.untrusted import Text, TolerantSchema

SIZES = {
    "MAX_TENANT": 64,
    "MAX_CHANNEL": 64,
    "MAX_USER_ACCOUNT": 100,
    "MAX_USER_ID": 128,
    "MAX_USER_NAME": 128,
    "MAX_TOKEN": 4096,
    "MAX_WORK_NO": 32,
    "MAX_SIP_ACCOUNT": 64,
    "MAX_SIP_SERVICE": 263,
    "MAX_LOGIN": 128,
}
FIELDS = {
    "tenantSpaceId": sizes.MAX_TENANT,
    "channelConfigId": sizes.MAX_CHANNEL,
    "userAccount": sizes.MAX_USER_ACCOUNT,
    "accountCode": sizes.MAX_USER_ACCOUNT,
    "userId": sizes.MAX_USER_ID,
    "thirdUserId": sizes.MAX_USER_ID,
    "userName": sizes.MAX_USER_NAME,
    "thirdUserName": sizes.MAX_USER_NAME,
    "access_token": sizes.MAX_TOKEN,
    "Token": sizes.MAX_TOKEN,
    "thirdUserToken": sizes.MAX_TOKEN,
    "workNo": sizes.MAX_WORK_NO,
    "sipAccount": sizes.MAX_SIP_ACCOUNT,
    "account": sizes.MAX_LOGIN,
}
COLUMNS = {
    "tenants.id": sizes.MAX_TENANT,
    "channels.id": sizes.MAX_CHANNEL,
    "channel": sizes.MAX_CHANNEL,
    "tenant": sizes.MAX_TENANT,
    "user_account": sizes.MAX_USER_ACCOUNT,
    "account_code": sizes.MAX_USER_ACCOUNT,
    "user_id": sizes.MAX_USER_ID,
    "user_name": sizes.MAX_USER_NAME,
    "work_no": sizes.MAX_WORK_NO,
    "sip_account": sizes.MAX_SIP_ACCOUNT,
    "sip_service": sizes.MAX_SIP_SERVICE,
    "login": sizes.MAX_LOGIN,
}
# Modules whose import has an effect: it makes a server, runs a program or begins a migration.
ACTING = ("validator.__main__", "validator.wsgi", "validator.store.migrations")


@pytest.fixture(autouse=True, scope="module")
def _every_module() -> None:
    for module in pkgutil.walk_packages(validator.__path__, "validator."):
        if not module.name.startswith(ACTING):
            importlib.import_module(module.name)


def schemas(schema: type[Schema] = TolerantSchema) -> Iterator[type[Schema]]:
    for one in schema.__subclasses__():
        yield one
        yield from schemas(one)


def test_sizes_are_the_published_ones() -> None:
    """The sizes are pinned; a change of one needs a migration of the tables."""
    assert {name: size for name, size in vars(sizes).items() if name.startswith("MAX_")} == SIZES


def test_fields_have_their_sizes() -> None:
    """A name has the same maximum length in every schema."""
    bounds = {
        (f"{schema.__qualname__}.{name}", field.max_length, FIELDS[name])
        for schema in schemas()
        for name, field in schema().fields.items()
        if isinstance(field, Text) and name in FIELDS and schema.__module__.startswith("validator.")
    }

    assert {name.partition(".")[2] for name, _, _ in bounds} == FIELDS.keys()
    assert [bound for bound in bounds if bound[1] != bound[2]] == []


def test_columns_have_their_sizes() -> None:
    """A name of maximum length can be stored in every table."""
    bounds = {
        (str(column), column.type.length, COLUMNS.get(str(column), COLUMNS.get(column.name)))
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String) and {str(column), column.name} & COLUMNS.keys()
    }

    assert len(bounds) > len(COLUMNS)
    assert [bound for bound in bounds if bound[1] != bound[2]] == []
