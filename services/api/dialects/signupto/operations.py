"""All that is answered below ``/v1``."""

from services.api.dialects.signupto.endpoints import (
    bounce,
    contact,
    email_open,
    message,
    message_of_channel,
    search,
    split_test,
    subscriber,
    subscription,
    task,
    token,
)
from services.api.dialects.signupto.endpoints import list as lists

OPERATIONS = (
    *task.OPERATIONS,
    *lists.OPERATIONS,
    *subscriber.OPERATIONS,
    *subscription.OPERATIONS,
    *message.OPERATIONS,
    *message_of_channel.OPERATIONS,
    *split_test.OPERATIONS,
    *contact.OPERATIONS,
    *bounce.OPERATIONS,
    *email_open.OPERATIONS,
    *search.OPERATIONS,
    *token.OPERATIONS,
)
