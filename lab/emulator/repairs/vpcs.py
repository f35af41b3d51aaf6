"""VPCs, their subnets and routes, where a transit gateway or a delete is concerned."""

from typing import Any

from moto.ec2.exceptions import DependencyViolationError, InvalidTransitGatewayID
from moto.ec2.models.route_tables import Route, RouteBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend

from .common import is_live, live_attachments_of


def deleted_vpc() -> None:
    """AWS refuses to delete a VPC with an internet gateway, a gateway attachment or a security group
    of its own, and takes the VPC's network ACL along. moto looks at subnets and route tables only,
    and the ACL stays listed."""
    delete = VPCBackend.delete_vpc

    def delete_vpc(self, vpc_id):
        self.get_vpc(vpc_id)
        groups = [group for group in self.groups.get(vpc_id, {}).values() if group.name != "default"]
        internet_gateways = [one for one in self.internet_gateways.values() if one.vpc and one.vpc.id == vpc_id]
        if groups or internet_gateways or live_attachments_of(self, resource_id=vpc_id):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        vpc = delete(self, vpc_id)
        for acl_id in [acl.id for acl in self.network_acls.values() if acl.vpc_id == vpc_id]:
            del self.network_acls[acl_id]
        return vpc

    VPCBackend.delete_vpc = delete_vpc


def deleted_subnet() -> None:
    """AWS refuses to delete a subnet that an attachment is in, and ends its associations with its
    route table and network ACL. moto deletes it under the attachment, and its route table cannot
    be deleted any more."""
    delete = SubnetBackend.delete_subnet

    def delete_subnet(self, subnet_id):
        self.get_subnet(subnet_id)
        if any(subnet_id in getattr(attachment, "subnet_ids", []) for attachment in live_attachments_of(self)):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        subnet = delete(self, subnet_id)
        for table in self.route_tables.values():
            table._associations = {key: target for key, target in table._associations.items() if target != subnet_id}
        for acl in self.network_acls.values():
            for key in [key for key, one in acl._associations.items() if one.subnet_id == subnet_id]:
                del acl._associations[key]
        return subnet

    SubnetBackend.delete_subnet = delete_subnet


def routes_to_a_gateway() -> None:
    """AWS routes to a gateway only from a VPC that is attached to it (`InvalidTransitGatewayID.NotFound`
    until then, which the provider waits out), and shows the route as a black hole once the
    attachment is gone. moto routes to nothing without a word, and is always `active`."""
    create, replace = RouteBackend.create_route, RouteBackend.replace_route

    def check(backend: Any, route_table_id: str, gateway_id: str | None) -> None:
        if gateway_id and not is_attached(backend, backend.get_route_table(route_table_id).vpc_id, gateway_id):
            raise InvalidTransitGatewayID(gateway_id)

    def create_route(self, route_table_id, *args, transit_gateway_id=None, **kwargs):
        check(self, route_table_id, transit_gateway_id)
        return create(self, route_table_id, *args, transit_gateway_id=transit_gateway_id, **kwargs)

    def replace_route(self, route_table_id, *args, transit_gateway_id=None, **kwargs):
        check(self, route_table_id, transit_gateway_id)
        return replace(self, route_table_id, *args, transit_gateway_id=transit_gateway_id, **kwargs)

    def state(self):
        to_gateway = self.transit_gateway
        backend = self.route_table.ec2_backend
        if to_gateway and not is_attached(backend, self.route_table.vpc_id, to_gateway.id):
            return "blackhole"
        return "active"

    RouteBackend.create_route = create_route
    RouteBackend.replace_route = replace_route
    Route.state = property(state)


def is_attached(backend: Any, vpc_id: str, gateway_id: str) -> bool:
    return is_live(backend.transit_gateways.get(gateway_id)) and bool(
        live_attachments_of(backend, transit_gateway_id=gateway_id, resource_id=vpc_id)
    )


REPAIRS = (deleted_vpc, deleted_subnet, routes_to_a_gateway)
