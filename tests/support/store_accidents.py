"""What happens to real stores: notes or records that are deleted by another hand, a backup that is restored."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.db import connections

__all__ = ["DjangoAccidents", "RedisAccidents", "SQLiteAccidents"]


class SQLAccidents:
    """In tables."""

    tables: dict[str, str]  # each by its own name

    @contextmanager
    def cursor(self, store: Any) -> Iterator[Any]:
        raise NotImplementedError

    def lose_notes(self, store: Any) -> None:
        with self.cursor(store) as cursor:
            cursor.execute(f"DELETE FROM {self.tables['note']}")

    def lose_record(self, store: Any, slo: str) -> None:
        with self.cursor(store) as cursor:
            cursor.execute(f"DELETE FROM {self.tables['slo']} WHERE name = '{slo}'")

    def let_pass(self, store: Any, seconds: float) -> None:
        with self.cursor(store) as cursor:
            for table, column in (("note", "noted_at"), ("slo", "swept_at")):
                cursor.execute(f"UPDATE {self.tables[table]} SET {column} = {column} - {seconds!r}")

    def saved(self, store: Any) -> Any:
        rows = {}
        with self.cursor(store) as cursor:
            for table in self.tables.values():
                cursor.execute(f"SELECT * FROM {table}")
                rows[table] = [column[0] for column in cursor.description], cursor.fetchall()
        return rows

    def set_back(self, store: Any, saved: Any) -> None:
        with self.cursor(store) as cursor:
            for table, (columns, rows) in saved.items():
                cursor.execute(f"DELETE FROM {table}")
                marks = ", ".join([self.mark] * len(columns))
                for row in rows:
                    cursor.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", row)

    mark = "%s"


class SQLiteAccidents(SQLAccidents):
    """In a file."""

    tables = {name: name for name in ("store", "slo", "bucket", "note")}
    mark = "?"

    @contextmanager
    def cursor(self, store: Any) -> Iterator[Any]:
        connection = sqlite3.connect(store._file.path, timeout=60.0)
        with connection:
            yield connection.cursor()
        connection.close()


class DjangoAccidents(SQLAccidents):
    """In the tables of a project's database."""

    tables = {name: f"slo_django_{name}" for name in ("store", "slo", "bucket", "note")}

    @contextmanager
    def cursor(self, store: Any) -> Iterator[Any]:
        with connections[store.alias].cursor() as cursor:
            yield cursor
        connections[store.alias].close()


class RedisAccidents:
    """On a server or a cluster."""

    @contextmanager
    def client(self, store: Any) -> Iterator[Any]:
        url = store._url
        client: Any
        if "+cluster" in url:
            client = redis.RedisCluster.from_url(url.replace("+cluster", ""))
        else:
            client = redis.Redis.from_url(url)
        with client:
            yield client

    @staticmethod
    def keys(client: Any, pattern: str = "*") -> list[bytes]:
        nodes = {"target_nodes": redis.RedisCluster.PRIMARIES} if isinstance(client, redis.RedisCluster) else {}
        return sorted(client.keys(pattern, **nodes))

    def lose_notes(self, store: Any) -> None:
        with self.client(store) as client:
            for key in self.keys(client, "slo:*:record"):
                fields = [field for field in client.hkeys(key) if field.startswith(b"n:")]
                if fields:
                    client.hdel(key, *fields)

    def let_pass(self, store: Any, seconds: float) -> None:
        with self.client(store) as client:
            for key in self.keys(client, "slo:*:record"):
                for name, value in client.hgetall(key).items():
                    if name in (b"flushed", b"swept_at"):
                        client.hset(key, name, int(value) - int(seconds))
                    elif name.startswith(b"n:"):
                        number, applied, noted_at = struct.unpack(">qqq", value[:24])
                        client.hset(
                            key, name, struct.pack(">qqq", number, applied, noted_at - int(seconds)) + value[24:]
                        )

    def lose_record(self, store: Any, slo: str) -> None:
        with self.client(store) as client:
            assert client.delete(store._keys.record(slo))

    def saved(self, store: Any) -> Any:
        with self.client(store) as client:
            return {key: (client.dump(key), max(client.pttl(key), 0)) for key in self.keys(client)}

    def set_back(self, store: Any, saved: Any) -> None:
        with self.client(store) as client:
            for key in self.keys(client):
                client.delete(key)
            for key, (value, lives) in saved.items():
                client.restore(key, lives, value)
