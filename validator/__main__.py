"""`python -m validator`: the command line."""

from validator.cli import output
from validator.cli.main import cli


def main() -> None:
    """Run the command line."""
    output.prepare()
    cli(prog_name="validator")


if __name__ == "__main__":
    main()
