-- At hand-over: what stands against an address that was given up after the freeze, whoever has it now.
CREATE INDEX suppression_text ON suppression (account_id, lower(address)) WHERE address IS NOT NULL;
