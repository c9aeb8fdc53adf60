-- Each channel has senders of its own, which claim what is theirs: a gateway that is slow holds up no mail. What was being sent
-- before there was a second channel is mail.
ALTER TABLE sending ADD COLUMN channel text NOT NULL DEFAULT 'email' CHECK (channel IN ('email', 'sms'));
