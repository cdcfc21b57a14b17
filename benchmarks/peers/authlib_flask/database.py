"""The tables of this peer: Authlib's own mixins on SQLite."""

import os
from pathlib import Path

from authlib.integrations.sqla_oauth2 import OAuth2ClientMixin, OAuth2TokenMixin
from sqlalchemy import Column, Integer, create_engine, event
from sqlalchemy.orm import DeclarativeBase, scoped_session, sessionmaker

STATE = Path(os.environ["PEER_STATE"])  # noqa: TID251 - another program than the validator


class Base(DeclarativeBase):
    """The tables."""


class Client(Base, OAuth2ClientMixin):
    """Who may ask."""

    __tablename__ = "clients"
    id = Column(Integer, primary_key=True)


class Token(Base, OAuth2TokenMixin):
    """What is asked about."""

    __tablename__ = "tokens"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


engine = create_engine(f"sqlite:///{STATE / 'peer.db'}")
session = scoped_session(sessionmaker(engine))


@event.listens_for(engine, "connect")
def _write_ahead(connection, _record) -> None:  # type: ignore[no-untyped-def]
    connection.execute("PRAGMA journal_mode = WAL")
