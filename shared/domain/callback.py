"""What a callback is known by. Pure."""


def call_id(campaign_id: int, number: int) -> str:
    """Its ``webhook-id``: the same however often it is made."""
    return f"cb_{campaign_id}_{number}"
