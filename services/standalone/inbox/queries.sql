-- schema
-- SQLite, not Postgres: one file of one process. WITHOUT ROWID keeps the addresses as one index and no table.
CREATE TABLE IF NOT EXISTS mail (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    received    REAL NOT NULL,
    channel     TEXT NOT NULL,
    sender      TEXT NOT NULL,
    recipients  TEXT NOT NULL,
    content     BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS recipient (
    address  TEXT    NOT NULL,
    mail_id  INTEGER NOT NULL,
    PRIMARY KEY (address, mail_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS recipient_of ON recipient (mail_id);
-- What was told of an SMS, once the tracker had taken it.
CREATE TABLE IF NOT EXISTS receipt (
    mail_id  INTEGER PRIMARY KEY,
    status   TEXT NOT NULL
);

-- add_mail
INSERT INTO mail (received, channel, sender, recipients, content) VALUES (?, ?, ?, ?, ?);

-- add_recipient
INSERT OR IGNORE INTO recipient (address, mail_id) VALUES (?, ?);

-- add_receipt
-- Of a mail that is forgotten by now there is nothing to tell.
INSERT OR IGNORE INTO receipt (mail_id, status) SELECT id, :status FROM mail WHERE id = :id;

-- forget_recipients
-- Ids rise by one, so what is too old is known without counting. :oldest is the first id that stays
DELETE FROM recipient WHERE mail_id < :oldest;

-- forget_receipts
DELETE FROM receipt WHERE mail_id < :oldest;

-- forget_mails
DELETE FROM mail WHERE id < :oldest;

-- count_all
SELECT count(*) FROM mail;

-- count_to
SELECT count(*) FROM recipient WHERE address = :to;

-- after
-- In the order they came, from the id :after on.
SELECT mail.*, status FROM mail LEFT JOIN receipt ON mail_id = id WHERE id > :after ORDER BY id LIMIT :count;

-- after_to
SELECT mail.*, status FROM recipient JOIN mail ON mail.id = recipient.mail_id LEFT JOIN receipt ON receipt.mail_id = mail.id
 WHERE address = :to AND recipient.mail_id > :after
 ORDER BY recipient.mail_id LIMIT :count;

-- before
-- Newest first, for the page.
SELECT mail.*, status FROM mail LEFT JOIN receipt ON mail_id = id WHERE id < :before ORDER BY id DESC LIMIT :count;

-- before_to
SELECT mail.*, status FROM recipient JOIN mail ON mail.id = recipient.mail_id LEFT JOIN receipt ON receipt.mail_id = mail.id
 WHERE address = :to AND recipient.mail_id < :before
 ORDER BY recipient.mail_id DESC LIMIT :count;

-- one
SELECT mail.*, status FROM mail LEFT JOIN receipt ON mail_id = id WHERE id = :id;
