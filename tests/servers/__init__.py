"""Real servers for the tests: found, made or fetched by the suite itself, and never skipped for want of one."""
