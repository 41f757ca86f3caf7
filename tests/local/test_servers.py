"""The embedded servers keep what they are told, for those who know the password, on loopback only."""

from __future__ import annotations

import psycopg
import pytest
import redis

from bridge.local.postgres import Postgres


def test_the_broker_owns_its_database_and_is_no_superuser(postgres_server: Postgres) -> None:
    with psycopg.connect(postgres_server.url().replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE proof (id int)")
        row = connection.execute(
            "SELECT current_setting('is_superuser'), current_setting('synchronous_commit'), current_database()"
        ).fetchone()
    assert row == ("off", "on", "bridge")


def test_a_wrong_password_opens_neither_server(postgres_server: Postgres, valkey_url: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://bridge:wrong@127.0.0.1:{postgres_server.port}/bridge")
    address = valkey_url.rpartition("@")[2]
    with redis.Redis.from_url(f"redis://:wrong@{address}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    with redis.Redis.from_url(f"redis://{address}") as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_valkey_keeps_a_key_and_writes_it_down(fresh_valkey: str) -> None:
    with redis.Redis.from_url(fresh_valkey) as client:
        client.set("a", "b")
        assert client.get("a") == b"b"
        assert client.config_get("append*")["appendonly"] == "yes"
