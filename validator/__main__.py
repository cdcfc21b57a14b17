"""`python -m validator`: the command line."""

from validator.cli.main import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="validator")


if __name__ == "__main__":
    main()
