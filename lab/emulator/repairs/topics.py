"""SNS topics and who reads them."""

from urllib.parse import urlsplit

from moto.sns.exceptions import SNSInvalidParameter
from moto.sns.models import SNSBackend, Subscription
from moto.sns.responses import SNSResponse
from moto.sqs.exceptions import QueueDoesNotExist

OF_A_PERSON = ("email", "email-json", "http", "https")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def topic_of_other_tags() -> None:
    """AWS gives the topic that there is to a create of the same name, and refuses one with tags
    that it does not have. moto gives it whatever the tags."""
    create = SNSBackend.create_topic

    def create_topic(self, name, attributes=None, tags=None):
        there = next((topic for topic in self.topics.values() if topic.name == name), None)
        if there is not None and any(there._tags.get(key) != value for key, value in (tags or {}).items()):
            raise SNSInvalidParameter("Invalid parameter: Tags Reason: Topic already exists with different tags")
        return create(self, name, attributes, tags)

    SNSBackend.create_topic = create_topic


def confirmation() -> None:
    """On AWS a mailbox or an address on the web gets nothing before its reader has confirmed it,
    and until then lists do not tell the subscription's ARN. moto counts it as confirmed. An address
    on the loopback has: it is the lab's own."""
    subscribe = SNSBackend.subscribe
    answer = SNSResponse.subscribe
    unsubscribe = SNSBackend.unsubscribe

    def subscribe_pending(self, topic_arn, endpoint, protocol):
        subscription = subscribe(self, topic_arn, endpoint, protocol)
        pending = protocol in OF_A_PERSON and not is_loopback(protocol, endpoint)
        subscription.attributes["PendingConfirmation"] = "true" if pending else "false"
        subscription.attributes["ConfirmationWasAuthenticated"] = "false" if pending else "true"
        return subscription

    def answer_pending(self):
        result = answer(self)
        subscription = self.backend.subscriptions[result.result["SubscriptionArn"]]
        if is_pending(subscription) and self._get_param("ReturnSubscriptionArn") not in (True, "true"):
            result.result["SubscriptionArn"] = "pending confirmation"
        return result

    def unsubscribe_confirmed(self, subscription_arn):
        subscription = self.subscriptions.get(subscription_arn)
        if subscription is not None and is_pending(subscription):
            raise SNSInvalidParameter(
                "Invalid parameter: SubscriptionArn Reason: "
                "Cannot unsubscribe a subscription that is pending confirmation"
            )
        unsubscribe(self, subscription_arn)

    def listed(call):
        def list_subscriptions(self):
            result = call(self)
            result.result["Subscriptions"] = [shown(one) for one in result.result["Subscriptions"]]
            return result

        return list_subscriptions

    SNSBackend.subscribe = subscribe_pending
    SNSBackend.unsubscribe = unsubscribe_confirmed
    SNSResponse.subscribe = answer_pending
    SNSResponse.list_subscriptions = listed(SNSResponse.list_subscriptions)
    SNSResponse.list_subscriptions_by_topic = listed(SNSResponse.list_subscriptions_by_topic)


def quiet_topics() -> None:
    """AWS delivers after it has answered, and a reader that cannot be reached is no error of the
    publish. moto posts to any address, and fails with a queue or a function that it does not have:
    from here nothing goes anywhere but to the loopback and to queues of the emulator."""
    publish = Subscription.publish

    def publish_here(self, *args, **kwargs):
        is_here = is_loopback(self.protocol, self.endpoint) or self.protocol == "sqs"
        if not is_here or is_pending(self):
            return
        try:
            publish(self, *args, **kwargs)
        except (QueueDoesNotExist, OSError):
            # Nobody is there any more: AWS would try again for a while, and let it be.
            return

    Subscription.publish = publish_here


def is_loopback(protocol: str, endpoint: str) -> bool:
    return protocol in ("http", "https") and urlsplit(endpoint).hostname in LOOPBACK


def is_pending(subscription: Subscription) -> bool:
    return subscription.attributes["PendingConfirmation"] == "true"


def shown(subscription: Subscription) -> dict[str, str]:
    return {
        "SubscriptionArn": "PendingConfirmation" if is_pending(subscription) else subscription.arn,
        "Owner": subscription.owner,
        "Protocol": subscription.protocol,
        "Endpoint": subscription.endpoint,
        "TopicArn": subscription.topic.arn,
    }


REPAIRS = (topic_of_other_tags, confirmation, quiet_topics)
