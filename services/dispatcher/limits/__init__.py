"""What this dispatcher may do at the relay and at recipient domains: shares of limits that all of them keep."""
