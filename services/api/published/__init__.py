"""What others hear of, on the bus and by ``GET /events``: the events, their types and their documents."""
