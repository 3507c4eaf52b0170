"""Tables lose nothing, however narrow the terminal is."""

import pytest
from rich.table import Column, Table

from dae_lab.printed_tables import print_table


@pytest.mark.parametrize("columns", ["5", "20", "40", "80"])
def test_a_narrow_terminal_loses_no_number(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    numbers = [f"0.{number}" for number in range(1000, 1012)]
    table = Table(Column("", no_wrap=True), *(Column(f"m{i}", justify="right") for i in range(12)))
    table.add_row("the mean image", *numbers)
    print_table(table)
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("the mean image", *numbers))
    assert "…" not in shown
