"""What is asked of the store as a whole."""

from pathlib import Path

from shared.postgres.named_queries import load_queries

STATEMENTS = load_queries(Path(__file__).with_name("queries.sql"))
