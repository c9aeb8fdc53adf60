"""The groups of a report's fields, in whatever shape they are."""

from email.message import Message

from services.tracker.decisions.returned_mail.report_groups import groups_of


def test_a_block_of_blocks_has_no_text_of_its_own() -> None:
    """It is passed by, and what stands beside it is read."""
    within: Message[str, str] = Message()
    within.set_payload([Message()])
    plain: Message[str, str] = Message()
    plain["Action"] = "failed"
    part: Message[str, str] = Message()
    part.set_payload([within, plain])

    assert [group["Action"] for group in groups_of(part)] == ["failed"]
