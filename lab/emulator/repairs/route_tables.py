"""Transit gateway route tables: their routes, associations and propagations."""

import ipaddress
from typing import Any

from moto.ec2.models.transit_gateway_route_tables import (
    RouteTableAssociation,
    RouteTablePropagation,
    TransitGatewayRelations,
    TransitGatewayRouteTableBackend,
)

from .common import (
    DELETED,
    association_table,
    by_id,
    live_attachment,
    live_gateway,
    live_table,
    refuse,
    select,
)


def table_of_a_living_gateway() -> None:
    """AWS makes a route table only in a gateway that is there. moto takes any id."""
    create = TransitGatewayRouteTableBackend.create_transit_gateway_route_table

    def create_transit_gateway_route_table(self, transit_gateway_id, tags=None, **defaults):
        # moto's gateway makes its default table while it is built, before it is listed.
        if not defaults:
            live_gateway(self, transit_gateway_id)
        return create(self, transit_gateway_id, tags, **defaults)

    TransitGatewayRouteTableBackend.create_transit_gateway_route_table = create_transit_gateway_route_table


def deleted_route_table() -> None:
    """AWS refuses to delete a route table with associations; its propagations go with it, and it
    stays visible as `deleted` for a while. moto deletes it all the same, and fails on an unknown
    one."""

    def delete_transit_gateway_route_table(self, transit_gateway_route_table_id):
        table = live_table(self, transit_gateway_route_table_id)
        if table.route_table_associations:
            ids = ", ".join(sorted(table.route_table_associations))
            refuse("IncorrectState", f"{table.id} has associations with attachments: {ids}.")
        table.route_table_propagation = []
        table.state = DELETED
        return table

    TransitGatewayRouteTableBackend.delete_transit_gateway_route_table = delete_transit_gateway_route_table


def found_route_tables() -> None:
    """AWS knows filters by tag, and refuses an id that it never gave. moto passes over them, and
    leaves an unknown id out of the answer."""
    fields = {
        "default-association-route-table": lambda table: table.default_association_route_table,
        "default-propagation-route-table": lambda table: table.default_propagation_route_table,
        "state": lambda table: table.state,
        "transit-gateway-id": lambda table: table.transit_gateway_id,
        "transit-gateway-route-table-id": lambda table: table.id,
    }

    def missing(table_id):
        refuse("InvalidRouteTableID.NotFound", f"Transit Gateway Route Table {table_id} was deleted or does not exist.")

    def get_all_transit_gateway_route_tables(self, transit_gateway_route_table_ids=None, filters=None):
        found = by_id(self.transit_gateways_route_tables, transit_gateway_route_table_ids, missing)
        return select(found, filters, fields)

    TransitGatewayRouteTableBackend.get_all_transit_gateway_route_tables = get_all_transit_gateway_route_tables


def one_association() -> None:
    """On AWS an attachment is associated with one table at a time, of its own gateway. moto
    associates it with any number, and fails when one that is not there is to go."""

    def associate_transit_gateway_route_table(self, transit_gateway_attachment_id, transit_gateway_route_table_id):
        attachment, table = pair(self, transit_gateway_attachment_id, transit_gateway_route_table_id)
        if association_table(self, attachment):
            refuse(
                "Resource.AlreadyAssociated",
                f"Transit Gateway Attachment {attachment.id} is already associated to a route table.",
            )
        table.route_table_associations[attachment.id] = RouteTableAssociation(
            attachment.resource_id, attachment.resource_type, "associated", attachment.id
        )
        return TransitGatewayRelations(self, attachment.id, table.id, state="associated")

    def disassociate_transit_gateway_route_table(self, tgw_attach_id, tgw_rt_id):
        attachment, table = pair(self, tgw_attach_id, tgw_rt_id)
        if table.route_table_associations.pop(attachment.id, None) is None:
            refuse(
                "InvalidAssociation.NotFound",
                f"Association of {attachment.id} with route table {table.id} does not exist.",
            )
        return TransitGatewayRelations(self, attachment.id, table.id, state="disassociated")

    TransitGatewayRouteTableBackend.associate_transit_gateway_route_table = associate_transit_gateway_route_table
    TransitGatewayRouteTableBackend.disassociate_transit_gateway_route_table = disassociate_transit_gateway_route_table


def many_propagations() -> None:
    """On AWS an attachment propagates to any number of tables, once to each, and one may be
    disabled while the others stay. moto remembers one a attachment, and fails when the second of
    two is disabled."""

    def enable_transit_gateway_route_table_propagation(
        self, transit_gateway_attachment_id, transit_gateway_route_table_id
    ):
        attachment, table = pair(self, transit_gateway_attachment_id, transit_gateway_route_table_id)
        if any(one.transitGatewayAttachmentId == attachment.id for one in table.route_table_propagation):
            refuse(
                "TransitGatewayRouteTablePropagation.Duplicate",
                f"Propagation of {attachment.id} to route table {table.id} already exists.",
            )
        table.route_table_propagation.append(
            RouteTablePropagation(attachment.resource_id, attachment.resource_type, "enabled", attachment.id)
        )
        return TransitGatewayRelations(self, attachment.id, table.id, state="enabled")

    def disable_transit_gateway_route_table_propagation(
        self, transit_gateway_attachment_id, transit_gateway_route_table_id
    ):
        attachment, table = pair(self, transit_gateway_attachment_id, transit_gateway_route_table_id)
        left = [one for one in table.route_table_propagation if one.transitGatewayAttachmentId != attachment.id]
        if len(left) == len(table.route_table_propagation):
            refuse(
                "TransitGatewayRouteTablePropagation.NotFound",
                f"Propagation of {attachment.id} to route table {table.id} does not exist.",
            )
        table.route_table_propagation = left
        return TransitGatewayRelations(self, attachment.id, table.id, state="disabled")

    backend = TransitGatewayRouteTableBackend
    backend.enable_transit_gateway_route_table_propagation = enable_transit_gateway_route_table_propagation
    backend.disable_transit_gateway_route_table_propagation = disable_transit_gateway_route_table_propagation


def pair(backend: Any, attachment_id: str, table_id: str) -> tuple[Any, Any]:
    attachment, table = live_attachment(backend, attachment_id), live_table(backend, table_id)
    if attachment.transit_gateway_id != table.transit_gateway_id:
        refuse("InvalidParameterValue", f"{attachment_id} and {table_id} are not of the same Transit Gateway.")
    return attachment, table


def listed_associations_and_propagations() -> None:
    """AWS lists the associations and propagations of one table, and refuses a table that is not
    there. moto takes the id for a pattern to search in, and answers an unknown one with an empty
    list."""
    fields = {
        "resource-id": lambda one: one.resourceId,
        "resource-type": lambda one: one.resourceType,
        "transit-gateway-attachment-id": lambda one: one.transitGatewayAttachmentId,
    }

    def get_transit_gateway_route_table_associations(self, transit_gateway_route_table_id, filters=None):
        table = live_table(self, transit_gateway_route_table_id)
        return select(list(table.route_table_associations.values()), filters, fields)

    def get_transit_gateway_route_table_propagations(self, transit_gateway_route_table_id, filters=None):
        table = live_table(self, transit_gateway_route_table_id)
        return select(table.route_table_propagation, filters, fields)

    backend = TransitGatewayRouteTableBackend
    backend.get_transit_gateway_route_table_associations = get_transit_gateway_route_table_associations
    backend.get_transit_gateway_route_table_propagations = get_transit_gateway_route_table_propagations


def static_routes() -> None:
    """A static route of AWS lists its attachments; a second one for the same CIDR is refused, and
    so is the end of one that is not there. moto writes the attachment as if it were the list,
    which no client reads, overwrites, and fails."""

    def create_transit_gateway_route(
        self,
        transit_gateway_route_table_id,
        destination_cidr_block,
        transit_gateway_attachment_id=None,
        blackhole=False,
    ):
        table = live_table(self, transit_gateway_route_table_id)
        cidr = str(network(destination_cidr_block))
        if cidr in table.routes:
            refuse("RouteAlreadyExists", f"Route already exists for {cidr} in {table.id}.")
        targets = []
        if not blackhole:
            attachment, _ = pair(self, transit_gateway_attachment_id, table.id)
            targets = [target_of(attachment)]
        table.routes[cidr] = route(cidr, "static", targets)
        return table.routes[cidr]

    def delete_transit_gateway_route(self, transit_gateway_route_table_id, destination_cidr_block):
        table = live_table(self, transit_gateway_route_table_id)
        cidr = str(network(destination_cidr_block))
        if cidr not in table.routes:
            refuse("InvalidRoute.NotFound", f"Route {cidr} does not exist in route table {table.id}.")
        return {**table.routes.pop(cidr), "state": "deleted"}

    TransitGatewayRouteTableBackend.create_transit_gateway_route = create_transit_gateway_route
    TransitGatewayRouteTableBackend.delete_transit_gateway_route = delete_transit_gateway_route


def searched_routes() -> None:
    """AWS finds static and propagated routes: a propagation makes one for each CIDR of its VPC,
    where no static route has that CIDR. Filters are by type, state, attachment and four kinds of
    CIDR search. moto has static routes and three filters, and answers for a table that is not
    there."""

    def search_transit_gateway_routes(self, transit_gateway_route_table_id, filters, max_results=None):
        table = live_table(self, transit_gateway_route_table_id)
        propagated = [
            route(cidr, "propagated", [target_of(self.transit_gateway_attachments[one.transitGatewayAttachmentId])])
            for one in table.route_table_propagation
            for cidr in cidrs_of(self, one)
            if cidr not in table.routes
        ]
        routes = [*table.routes.values(), *propagated]
        for name, values in dict(filters or {}).items():
            if name.startswith("route-search."):
                routes = cidr_search(routes, name.removeprefix("route-search."), [network(value) for value in values])
                del filters[name]
        found = select(routes, filters, ROUTE_FIELDS)
        return found[: int(max_results)] if max_results else found

    TransitGatewayRouteTableBackend.search_transit_gateway_routes = search_transit_gateway_routes


def targets_field(name: str):
    return lambda one: [target[name] for target in one.get("transitGatewayAttachments", [])]


ROUTE_FIELDS = {
    "type": lambda one: one["type"],
    "state": lambda one: one["state"],
    "attachment.transit-gateway-attachment-id": targets_field("transitGatewayAttachmentId"),
    "attachment.resource-id": targets_field("resourceId"),
    "attachment.resource-type": targets_field("resourceType"),
}


def cidr_search(routes: list[dict], kind: str, wanted: list) -> list[dict]:
    def of(one):
        return network(one["destinationCidrBlock"])

    match kind:
        case "exact-match":
            return [one for one in routes if of(one) in wanted]
        case "subnet-of-match":
            return [one for one in routes if any(of(one).subnet_of(cidr) for cidr in wanted)]
        case "supernet-of-match":
            return [one for one in routes if any(of(one).supernet_of(cidr) for cidr in wanted)]
        case "longest-prefix-match":
            covering = [one for one in routes if any(of(one).supernet_of(cidr) for cidr in wanted)]
            longest = max((of(one).prefixlen for one in covering), default=None)
            return [one for one in covering if of(one).prefixlen == longest]
    refuse("InvalidParameterValue", f"The filter 'route-search.{kind}' is invalid")
    return []


def network(cidr: str):
    try:
        return ipaddress.IPv4Network(cidr, strict=False)
    except ValueError:
        refuse("InvalidParameterValue", f"Value ({cidr}) for parameter destinationCidrBlock is invalid.")


def cidrs_of(backend: Any, propagation: RouteTablePropagation) -> list[str]:
    vpc = backend.vpcs.get(propagation.resourceId)
    return [block["cidr_block"] for block in vpc.get_cidr_block_association_set()] if vpc else []


def target_of(attachment: Any) -> dict[str, str]:
    return {
        "resourceId": attachment.resource_id,
        "resourceType": attachment.resource_type,
        "transitGatewayAttachmentId": attachment.id,
    }


def route(cidr: str, kind: str, targets: list[dict[str, str]]) -> dict[str, Any]:
    made: dict[str, Any] = {"destinationCidrBlock": cidr, "type": kind, "state": "active" if targets else "blackhole"}
    return {**made, "transitGatewayAttachments": targets} if targets else made


REPAIRS = (
    table_of_a_living_gateway,
    deleted_route_table,
    found_route_tables,
    one_association,
    many_propagations,
    listed_associations_and_propagations,
    static_routes,
    searched_routes,
)
