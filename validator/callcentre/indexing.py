"""How a revision is sealed, and the blind indexes by which its numbers find it.

They differ from those of customers' numbers: without the keys, nobody can say which customer called.
"""

from typing import Any

from sqlalchemy import Row

from validator.callcentre.record import LINE, PARTIES, CallRecord, KeptRecord
from validator.keys.encryption import Cipher
from validator.keys.index import IndexKey, IndexKeys
from validator.numbers.reading import read_number


class NumberIndex:
    """The entries of numbers of records."""

    def __init__(self, keys: IndexKeys, region: str) -> None:
        """Read numbers without a country code as those of *region*."""
        self._keys, self._region = keys, region

    def entries(self, tenant: str, row: str, record: CallRecord, key: IndexKey) -> list[dict[str, object]]:
        """Return the entries of *record*, which is stored in *row*: of its parties and its line."""
        values = {self._party(record.text(name)) for name in PARTIES if record.text(name)}
        values |= {self._line(record.text(LINE))} if record.text(LINE) else set()
        return [{"number": key.digest(tenant, value), "record": row} for value in sorted(values)]

    def of_party(self, tenant: str, number: str) -> list[bytes]:
        """Return the entries of records with the party *number*, with every key."""
        return list(self._keys.digests(tenant, self._party(number)))

    def of_number(self, tenant: str, number: str) -> list[bytes]:
        """Return the entries of records with the party or the line *number*, with every key."""
        return [*self.of_party(tenant, number), *self._keys.digests(tenant, self._line(number))]

    def _party(self, number: str) -> str:
        return f"call:{self._key(number)}"

    def _line(self, number: str) -> str:
        return f"line:{self._key(number)}"

    def _key(self, number: str) -> str:
        """Return the key of *number*; text that is no number, such as "anonymous", is its own."""
        read = read_number(number, self._region)
        return number.strip() if read is None else read.key


def open_kept(row: Row[*tuple[Any, ...]], cipher: Cipher) -> KeptRecord:
    """Return the revision in *row*; raises Fault when it is not the ciphertext of this row."""
    record = CallRecord.of_content(open_content(row, cipher))
    return KeptRecord(row.tenant, row.source, row.revision, row.received_at, row.is_last, record)


def open_content(row: Row[*tuple[Any, ...]], cipher: Cipher) -> str:
    """Return the content of the record in *row*; raises as `open_kept`."""
    return cipher.decrypt(row.sealed, purpose(row.tenant, row.record))


def purpose(tenant: str, row: str) -> str:
    """Return what the ciphertext of *row* is bound to."""
    return f"callrecord:{tenant}:{row}"
