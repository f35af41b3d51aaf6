"""Transit gateways."""

from moto.ec2.exceptions import InvalidTransitGatewayID
from moto.ec2.models.transit_gateway import TransitGateway, TransitGatewayBackend

from .common import DELETED, by_id, live_attachments_of, live_gateway, live_tables_of, refuse, select

ASSOCIATION = ("DefaultRouteTableAssociation", "AssociationDefaultRouteTableId", "default_association_route_table")
PROPAGATION = ("DefaultRouteTablePropagation", "PropagationDefaultRouteTableId", "default_propagation_route_table")


def default_route_table() -> None:
    """AWS makes a default route table only for a gateway that asks for default association or
    propagation, and names it only for what was asked. moto makes one always, and names it for
    both."""
    TransitGateway.DEFAULT_OPTIONS = {**TransitGateway.DEFAULT_OPTIONS, "SecurityGroupReferencingSupport": "disable"}
    build = TransitGateway.__init__

    def __init__(self, backend, description, options=None):
        build(self, backend, description, options)
        del backend.transit_gateways_route_tables[self.default_route_table.id]
        unused, self.default_route_table = self.default_route_table, None
        name_default_table(self, lambda: keep(backend, unused))

    TransitGateway.__init__ = __init__


def keep(backend, table):
    backend.transit_gateways_route_tables[table.id] = table
    return table


def name_default_table(gateway, make_table) -> None:
    """Makes the gateway's options and its default table say the same."""
    wanted = any(gateway.options.get(switch) == "enable" for switch, _, _ in (ASSOCIATION, PROPAGATION))
    if wanted and gateway.default_route_table is None:
        gateway.default_route_table = make_table()
    table = gateway.default_route_table
    for switch, option, flag in (ASSOCIATION, PROPAGATION):
        on = gateway.options.get(switch) == "enable"
        if on and not (gateway.options.get(option) and is_table_of(gateway, gateway.options[option])):
            gateway.options[option] = table.id
        if not on:
            gateway.options.pop(option, None)
        for one in live_tables_of(gateway.ec2_backend, gateway.id):
            setattr(one, flag, one.id == gateway.options.get(option))


def is_table_of(gateway, table_id: str) -> bool:
    return any(table.id == table_id for table in live_tables_of(gateway.ec2_backend, gateway.id))


def changed_gateway() -> None:
    """AWS changes the description (to nothing, too), merges options, and takes the default tables
    and CIDR blocks along. moto keeps a description that is to be emptied, writes the options as
    they came, and fails on an unknown gateway."""

    def modify_transit_gateway(self, transit_gateway_id, description=None, options=None):
        gateway = live_gateway(self, transit_gateway_id)
        if description is not None:
            gateway.description = description
        options = dict(options or {})
        added = options.pop("AddTransitGatewayCidrBlocks", [])
        removed = options.pop("RemoveTransitGatewayCidrBlocks", [])
        blocks = [block for block in gateway.options.get("TransitGatewayCidrBlocks", []) if block not in removed]
        gateway.options.update(options)
        gateway.options["TransitGatewayCidrBlocks"] = [*blocks, *added]
        name_default_table(gateway, lambda: self.create_transit_gateway_route_table(gateway.id))
        return gateway

    TransitGatewayBackend.modify_transit_gateway = modify_transit_gateway


def deleted_gateway() -> None:
    """A deleted gateway stays visible on AWS, as `deleted`, for about an hour: the provider waits
    for that word. It is refused while an attachment lives, and takes its route tables along. moto
    forgets the gateway and leaves its tables."""

    def delete_transit_gateway(self, transit_gateway_id):
        gateway = live_gateway(self, transit_gateway_id)
        attachments = live_attachments_of(self, transit_gateway_id=transit_gateway_id)
        if attachments:
            ids = ", ".join(sorted(attachment.id for attachment in attachments))
            refuse("IncorrectState", f"{transit_gateway_id} has non-deleted Transit Gateway Attachments: {ids}.")
        for table in live_tables_of(self, transit_gateway_id):
            table.state = DELETED
        gateway.state = DELETED
        return gateway

    TransitGatewayBackend.delete_transit_gateway = delete_transit_gateway


def found_gateways() -> None:
    """AWS knows filters by option and tag, and refuses an id that it never gave. moto passes over
    most filters and leaves an unknown id out of the answer."""
    fields = {
        "transit-gateway-id": lambda gateway: gateway.id,
        "state": lambda gateway: gateway.state,
        "owner-id": lambda gateway: gateway.owner_id,
        "options.amazon-side-asn": lambda gateway: gateway.options.get("AmazonSideAsn"),
        "options.association-default-route-table-id": lambda gateway: gateway.options.get(ASSOCIATION[1]),
        "options.auto-accept-shared-attachments": lambda gateway: gateway.options.get("AutoAcceptSharedAttachments"),
        "options.default-route-table-association": lambda gateway: gateway.options.get(ASSOCIATION[0]),
        "options.default-route-table-propagation": lambda gateway: gateway.options.get(PROPAGATION[0]),
        "options.dns-support": lambda gateway: gateway.options.get("DnsSupport"),
        "options.propagation-default-route-table-id": lambda gateway: gateway.options.get(PROPAGATION[1]),
        "options.vpn-ecmp-support": lambda gateway: gateway.options.get("VpnEcmpSupport"),
    }

    def missing(gateway_id):
        raise InvalidTransitGatewayID(gateway_id, f"Transit Gateway {gateway_id} was deleted or does not exist.")

    def describe_transit_gateways(self, filters, transit_gateway_ids):
        return select(by_id(self.transit_gateways, transit_gateway_ids, missing), filters, fields)

    TransitGatewayBackend.describe_transit_gateways = describe_transit_gateways


REPAIRS = (default_route_table, changed_gateway, deleted_gateway, found_gateways)
