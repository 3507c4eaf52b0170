"""A real MLflow server, one for all tests here, and a real PostgreSQL."""

import signal

import pytest
from servers import Server, postgresql, postgresql_programs


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server for all tests; it may have been killed."""
    found = Server(tmp_path_factory.mktemp("server"))
    yield found
    found.kill()


@pytest.fixture
def well(server):
    """That server, answering, whatever a test did to it."""
    if server.process is None:
        server.start()
    yield server
    server.send(signal.SIGCONT)


@pytest.fixture(scope="session")
def on_postgresql(tmp_path_factory):
    """A server whose database is PostgreSQL, and that database."""
    programs = postgresql_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg2", reason="its driver comes with the extra dae-lab[postgres]")
    with postgresql(programs) as database:
        found = Server(tmp_path_factory.mktemp("on_postgresql"), database.uri)
        found.start()
        yield found, database
        found.kill()
