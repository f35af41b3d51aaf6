"""Tags of EC2 objects."""

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.tags import TagBackend
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

from .common import is_live, live_attachment, live_gateway, live_table, passes, refuse


def quick_tags() -> None:
    """No difference in what is answered: moto goes through every tag of the region for each object
    that it describes, so a list grows with the square of the network."""

    def get_tags(self):
        return entries(self.id, self.ec2_backend.tags.get(self.id, {})) if self.id else []

    TaggedEC2Resource.get_tags = get_tags


def entries(resource_id: str, tags: dict[str, str]) -> list[dict[str, str]]:
    kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(resource_id), "")
    return [
        {"resource_id": resource_id, "resource_type": kind, "key": key, "value": value} for key, value in tags.items()
    ]


def tags_by_tag() -> None:
    """`DescribeTags` of AWS knows the filter `tag:KEY` and lists the tags of living objects. moto
    passes over that filter, and lists the tags of everything that ever was. (AWS drops a deleted
    object's tags after a while; here it is at once. The object that is still shown as `deleted`
    keeps them in its own describe.)"""
    fields = {
        "key": lambda tag: tag["key"],
        "value": lambda tag: tag["value"],
        "resource-id": lambda tag: tag["resource_id"],
        "resource-type": lambda tag: tag["resource_type"],
    }

    def describe_tags(self, filters=None):
        tags = [
            tag
            for resource_id, tags in self.tags.items()
            if exists(self, resource_id)
            for tag in entries(resource_id, tags)
        ]
        for name, patterns in (filters or {}).items():
            if name.startswith("tag:"):
                key = name.removeprefix("tag:")
                tags = [tag for tag in tags if tag["key"] == key and passes([tag["value"]], patterns)]
            elif name in fields:
                tags = [tag for tag in tags if passes([fields[name](tag)], patterns)]
            else:
                refuse("InvalidParameterValue", f"The filter '{name}' is invalid")
        return tags

    TagBackend.describe_tags = describe_tags


def exists(backend: Any, resource_id: str) -> bool:
    """Whether AWS would still find this; kinds that no network has are taken to exist."""
    prefix = get_prefix(resource_id)
    containers = {
        "vpc": backend.vpcs,
        "rtb": backend.route_tables,
        "igw": backend.internet_gateways,
        "acl": backend.network_acls,
    }
    gateway_things = {
        "tgw": backend.transit_gateways,
        "tgw-rtb": backend.transit_gateways_route_tables,
        "tgw-attach": backend.transit_gateway_attachments,
    }
    if prefix in containers:
        return resource_id in containers[prefix]
    if prefix in gateway_things:
        return is_live(gateway_things[prefix].get(resource_id))
    if prefix == "subnet":
        return any(resource_id in zone for zone in backend.subnets.values())
    if prefix == "sg":
        return any(resource_id in groups for groups in backend.groups.values())
    return True


def tags_of_what_exists() -> None:
    """AWS refuses to tag a gateway, gateway route table or attachment that is not there, with the
    code of its kind. moto tags any id of these kinds."""
    check = EC2Backend.do_resources_exist
    living = {"tgw": live_gateway, "tgw-rtb": live_table, "tgw-attach": live_attachment}

    def do_resources_exist(self, resource_ids):
        for resource_id in resource_ids:
            if get_prefix(resource_id) in living:
                living[get_prefix(resource_id)](self, resource_id)
        return check(self, resource_ids)

    EC2Backend.do_resources_exist = do_resources_exist


REPAIRS = (quick_tags, tags_by_tag, tags_of_what_exists)
