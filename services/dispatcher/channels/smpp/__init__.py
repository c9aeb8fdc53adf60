"""SMS over SMPP 3.4: transmitters send, one transceiver beside them hears what became of what was sent."""
