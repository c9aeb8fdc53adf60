"""The compactor's statements."""

from pathlib import Path

from shared.postgres.named_queries import load_queries

STATEMENTS = load_queries(Path(__file__).with_name("queries.sql"))
