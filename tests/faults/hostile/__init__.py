"""What tests of hostile input and of secrets share."""
