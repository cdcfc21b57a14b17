"""A limit on the size of files, which stands for a full disk in a test that is not root."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def max_file(size: int) -> Iterator[None]:
    """Limit every file of this process to *size* bytes: what would go beyond is not written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
