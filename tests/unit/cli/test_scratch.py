"""Where a scratch server lives."""

import pytest

from validator.cli.scratch import parent_folder

MAX_SOCKET = 107  # bytes of sockaddr_un.sun_path that Linux has, without the zero at its end


@pytest.mark.parametrize("length", [20, 64, 65, 200])
def test_socket_fits_below_any_folder_for_temporary_files(length: int) -> None:
    """However long TMPDIR is, the path of the server's socket can be bound."""
    parent = parent_folder("/tmp/".ljust(length, "x"))

    assert len(f"{parent}/validator-12345678/server.sock") <= MAX_SOCKET


def test_usual_folder_is_used() -> None:
    """A folder of a usual length is taken as it is."""
    assert parent_folder("/var/tmp") == "/var/tmp"
