"""SMS over SMPP 3.4: transmitters send, one receiver hears what became of what was sent."""
