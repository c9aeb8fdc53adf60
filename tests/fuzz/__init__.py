"""What reads bytes of strangers, put to the proof: by chance in the suite, steered by coverage in ``make hostile``."""
