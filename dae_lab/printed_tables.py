"""Tables on a terminal, however narrow it is."""

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Print ``table``, at its least width or wider: on a narrow terminal lines break, but nothing is lost."""
    console = Console()
    for column in table.columns:
        if column.no_wrap:  # which Rich forgets where it measures
            column.min_width = max(cell_len(str(cell)) for cell in (column.header, *column.cells))
    least = console.measure(table, options=console.options.update(max_width=1000)).minimum
    console.width = max(console.width, least)
    console.print(table)
