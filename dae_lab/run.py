"""The first entry: ``python -m dae_lab.run``, or ``dae-lab`` where the package is installed.

It answers signals before it imports what takes time.
"""

from dae_lab.process import exit_on_stop_signals


def main() -> None:
    """The command. Exit code 0: all is well; 1: a mistake or a failure; 129, 130, 143: stopped."""
    exit_on_stop_signals()
    from dae_lab.command import run_command

    run_command()


if __name__ == "__main__":
    main()
