"""Messages, as requests and answers spell them: the content of a channel stands beside the name."""

import re
from typing import Annotated, Final, Literal, NotRequired

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from services.api.fields import Email, Flag, Line, Name, RequestModel, Small, Text, fault
from shared.composing.check_message import email_problems, sms_problems
from shared.domain.email_content import EmailContent
from shared.domain.identifiers import Channel
from shared.domain.message_class import MessageClass
from shared.domain.refusal import Fault
from shared.domain.template_tags import read_template

#: GSM 03.38 without its Greek and control characters: what every handset shows as a sender.
_GSM_SENDER: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 !\"#%&'()*+,./:;<=>?_@$£¥èéùìòÇØøÅåÆæßÉ¡ÄÖÑÜ§¿äöñüà-]{1,11}")
_NUMBER_SENDER: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}")


def _template(value: str) -> str:
    if faults := read_template(value).faults:
        raise fault("; ".join(faults))
    return value


def _sms_body(value: str) -> str:
    if problems := sms_problems(value):
        raise fault("; ".join([problem for _, problem in problems]))
    return value


def _sender(value: str) -> str:
    if _NUMBER_SENDER.fullmatch(value) or _GSM_SENDER.fullmatch(value):
        return value
    raise fault("must be a number in E.164, 3 to 8 digits, or 1 to 11 GSM characters with a letter")


LineTemplate = Annotated[Line, AfterValidator(_template)]
TextTemplate = Annotated[Text, AfterValidator(_template)]
Sender = Annotated[str, AfterValidator(_sender)]
SmsText = Annotated[Text, AfterValidator(_sms_body), Field(min_length=1, max_length=2000)]


class EmailMessage(RequestModel):
    channel: Literal["email"]
    name: Name
    class_: MessageClass = Field(default="marketing", alias="class")
    subject: LineTemplate
    from_name: LineTemplate | None = None
    from_email: Email
    reply_to: Email | None = None
    html: TextTemplate | None = None
    text: TextTemplate | None = None
    ad_zones: Small = 0
    track_opens: Flag = True
    track_clicks: Flag = True

    @classmethod
    def faults_between(cls, given: dict[str, object]) -> list[Fault]:
        """What cannot be sent is not taken: the dispatcher asks the same of it."""
        if given.get("channel") != "email":
            return []
        said = {name: value for name, value in given.items() if isinstance(value, str)}
        content = EmailContent(
            subject=said.get("subject", ""),
            from_name=said.get("from_name", ""),
            from_email=said.get("from_email", ""),
            reply_to=said.get("reply_to"),
            html=said.get("html"),
            text=said.get("text"),
            track_opens=True,
            track_clicks=True,
            marketing=True,
        )
        return [Fault(field, message) for field, message in email_problems(content)]


class SmsMessage(RequestModel):
    channel: Literal["sms"]
    name: Name
    class_: MessageClass = Field(default="marketing", alias="class")
    sender: Sender
    body: SmsText


NewMessage = Annotated[EmailMessage | SmsMessage, Field(discriminator="channel")]


class MessageChange(RequestModel):
    """What is given replaces what is there; the whole must then be a message of its channel."""

    channel: Channel | None = None
    name: Name | None = None
    class_: MessageClass | None = Field(default=None, alias="class")
    subject: LineTemplate | None = None
    from_name: LineTemplate | None = None
    from_email: Email | None = None
    reply_to: Email | None = None
    html: TextTemplate | None = None
    text: TextTemplate | None = None
    ad_zones: Small | None = None
    track_opens: Flag | None = None
    track_clicks: Flag | None = None
    sender: Sender | None = None
    body: SmsText | None = None


_Class = TypedDict("_Class", {"class": MessageClass})


class MessageAnswer(_Class):
    """The fields of the other channel are left out."""

    id: int
    channel: Channel
    name: str
    version: int
    subject: NotRequired[str]
    from_name: NotRequired[str | None]
    from_email: NotRequired[str]
    reply_to: NotRequired[str | None]
    html: NotRequired[str | None]
    text: NotRequired[str | None]
    ad_zones: NotRequired[int]
    track_opens: NotRequired[bool]
    track_clicks: NotRequired[bool]
    sender: NotRequired[str]
    body: NotRequired[str]
    user_id: int
    cdate: float
