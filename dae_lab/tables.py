"""Tables on a terminal, however narrow it is."""

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Print ``table``, at its least width or wider: on a narrow terminal lines break, but nothing is lost."""
    console = Console()
    least = console.measure(table, options=console.options.update(max_width=1000)).minimum
    console.width = max(console.width, least)
    console.print(table)
