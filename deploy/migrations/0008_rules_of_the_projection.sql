-- By which numbered rule set the evidence of hits is judged in a generation (services/tracker/decisions/rule_sets.py): set
-- when the generation is begun, and kept as long as it lives. 0: by none, as every generation that was begun before there
-- was any evidence; where nothing was ever counted, none was. A rebuild makes a generation by the newest rules.
ALTER TABLE projection ADD COLUMN rules smallint NOT NULL DEFAULT 1;
UPDATE projection SET rules = 0 WHERE EXISTS (SELECT FROM segment);
