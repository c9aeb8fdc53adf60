"""What the commands for people use: the API over HTTP and a key, as any other program would."""
