"""What the repairs of the transit gateway share: who is alive, and how AWS filters."""

import fnmatch
from collections.abc import Callable, Iterable
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidTransitGatewayID

DELETED = "deleted"


def refuse(code: str, message: str) -> None:
    raise EC2ClientError(code, message)


def is_live(thing: Any) -> bool:
    return thing is not None and thing.state != DELETED


def live_gateway(backend: Any, gateway_id: str) -> Any:
    gateway = backend.transit_gateways.get(gateway_id)
    if not is_live(gateway):
        raise InvalidTransitGatewayID(gateway_id, f"Transit Gateway {gateway_id} was deleted or does not exist.")
    return gateway


def live_attachment(backend: Any, attachment_id: str) -> Any:
    attachment = backend.transit_gateway_attachments.get(attachment_id)
    if not is_live(attachment):
        refuse(
            "InvalidTransitGatewayAttachmentID.NotFound",
            f"Transit Gateway Attachment {attachment_id} was deleted or does not exist.",
        )
    return attachment


def live_table(backend: Any, table_id: str) -> Any:
    table = backend.transit_gateways_route_tables.get(table_id)
    if not is_live(table):
        refuse(
            "InvalidRouteTableID.NotFound",
            f"Transit Gateway Route Table {table_id} was deleted or does not exist.",
        )
    return table


def live_attachments_of(backend: Any, **wanted: str) -> list[Any]:
    """The living attachments whose fields are as wanted, say transit_gateway_id or resource_id."""
    return [
        attachment
        for attachment in backend.transit_gateway_attachments.values()
        if is_live(attachment) and all(getattr(attachment, name) == value for name, value in wanted.items())
    ]


def live_tables_of(backend: Any, gateway_id: str) -> list[Any]:
    return [
        table
        for table in backend.transit_gateways_route_tables.values()
        if is_live(table) and table.transit_gateway_id == gateway_id
    ]


def association_table(backend: Any, attachment: Any) -> Any:
    """The one table that an attachment is associated with, or None."""
    for table in live_tables_of(backend, attachment.transit_gateway_id):
        if attachment.id in table.route_table_associations:
            return table
    return None


def by_id(things: dict[str, Any], ids: Iterable[str] | None, missing: Callable[[str], None]) -> list[Any]:
    """Those with these ids, deleted ones too, or all; AWS refuses a list with an id it never gave."""
    if not ids:
        return list(things.values())
    for thing_id in ids:
        if thing_id not in things:
            missing(thing_id)
    return [things[thing_id] for thing_id in dict.fromkeys(ids)]


def matches(pattern: str, value: str) -> bool:
    """AWS's filter wildcards are `*` and `?`, and nothing else."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def select(
    things: list[Any], filters: dict[str, list[str]] | None, fields: dict[str, Callable[[Any], Any]]
) -> list[Any]:
    """Filters as AWS does: values of one filter are alternatives, filters are all required, and a
    filter that the call does not know is refused rather than ignored."""
    for name, patterns in (filters or {}).items():
        things = [thing for thing in things if passes(field_values(thing, name, fields), patterns)]
        if name not in fields and not is_tag_filter(name):
            refuse("InvalidParameterValue", f"The filter '{name}' is invalid")
    return things


def is_tag_filter(name: str) -> bool:
    return name.startswith("tag:") or name in ("tag-key", "tag-value")


def field_values(thing: Any, name: str, fields: dict[str, Callable[[Any], Any]]) -> list[str]:
    if is_tag_filter(name):
        tags = thing.get_tags()
        if name == "tag-key":
            return [tag["key"] for tag in tags]
        if name == "tag-value":
            return [tag["value"] for tag in tags]
        return [tag["value"] for tag in tags if tag["key"] == name.removeprefix("tag:")]
    value = fields[name](thing) if name in fields else None
    if value is None:
        return []
    return [text(one) for one in value] if isinstance(value, list) else [text(value)]


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def passes(values: list[str], patterns: list[str]) -> bool:
    return any(matches(pattern, value) for pattern in patterns for value in values)
