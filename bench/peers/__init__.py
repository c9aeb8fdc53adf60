"""Other senders of mail, each as its own documentation sets it up, given the same mails and the same sink."""
