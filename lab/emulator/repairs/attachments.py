"""Attachments of VPCs to transit gateways."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DuplicateTransitGatewayAttachmentError
from moto.ec2.models.transit_gateway_attachments import (
    TransitGatewayAttachment,
    TransitGatewayAttachmentBackend,
    TransitGatewayVpcAttachment,
)
from moto.ec2.responses.transit_gateway_attachments import (
    TransitGatewayAttachment as AttachmentResponse,
)

from .common import (
    DELETED,
    association_table,
    by_id,
    is_live,
    live_attachment,
    live_attachments_of,
    live_gateway,
    live_tables_of,
    refuse,
    select,
)
from .gateways import ASSOCIATION, PROPAGATION


def tags_of_an_attachment() -> None:
    """AWS takes the tags of an attachment from the specification of `transit-gateway-attachment`.
    moto looks for that of a gateway route table, and so drops them."""

    def create_transit_gateway_vpc_attachment(self):
        attachment = self.ec2_backend.create_transit_gateway_vpc_attachment(
            transit_gateway_id=self._get_param("TransitGatewayId"),
            tags=self._parse_tag_specification().get("transit-gateway-attachment", {}),
            vpc_id=self._get_param("VpcId"),
            subnet_ids=self._get_param("SubnetIds", []),
            options=self._get_param("Options", {}),
        )
        return ActionResult({"TransitGatewayVpcAttachment": attachment})

    AttachmentResponse.create_transit_gateway_vpc_attachment = create_transit_gateway_vpc_attachment


def one_attachment_a_vpc() -> None:
    """AWS refuses a second attachment of a VPC to a gateway while the first lives, subnets that are
    not there or share a zone; then associates and propagates it to the default table, each only if
    the gateway says so. For moto a deleted attachment is still in the way, the subnets may be
    anything, and it always associates and never propagates."""

    def create_transit_gateway_vpc_attachment(self, transit_gateway_id, vpc_id, subnet_ids, tags=None, options=None):
        gateway = live_gateway(self, transit_gateway_id)
        self.get_vpc(vpc_id)
        check_subnets(self, vpc_id, subnet_ids)
        if live_attachments_of(self, transit_gateway_id=transit_gateway_id, resource_id=vpc_id):
            raise DuplicateTransitGatewayAttachmentError(transit_gateway_id)
        attachment = TransitGatewayVpcAttachment(
            self, transit_gateway=gateway, tags=tags, vpc_id=vpc_id, subnet_ids=list(subnet_ids), options=options
        )
        self.transit_gateway_attachments[attachment.id] = attachment
        if default_table := gateway.options.get(ASSOCIATION[1]):
            self.associate_transit_gateway_route_table(attachment.id, default_table)
        if default_table := gateway.options.get(PROPAGATION[1]):
            self.enable_transit_gateway_route_table_propagation(attachment.id, default_table)
        return attachment

    TransitGatewayAttachmentBackend.create_transit_gateway_vpc_attachment = create_transit_gateway_vpc_attachment


def check_subnets(backend: Any, vpc_id: str, subnet_ids: list[str]) -> None:
    zones: set[str] = set()
    for subnet_id in subnet_ids:
        subnet = backend.get_subnet(subnet_id)
        if subnet.vpc_id != vpc_id:
            refuse("InvalidParameterValue", f"The subnet ID '{subnet_id}' does not belong to VPC '{vpc_id}'.")
        if subnet.availability_zone in zones:
            refuse("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")
        zones.add(subnet.availability_zone)


def changed_attachment() -> None:
    """AWS adds and removes subnets and merges options. moto adds a subnet twice, takes any, and
    fails on an unknown attachment."""

    def modify_transit_gateway_vpc_attachment(
        self, transit_gateway_attachment_id, add_subnet_ids=None, options=None, remove_subnet_ids=None
    ):
        attachment = live_attachment(self, transit_gateway_attachment_id)
        kept = [subnet for subnet in attachment.subnet_ids if subnet not in (remove_subnet_ids or [])]
        subnets = list(dict.fromkeys([*kept, *(add_subnet_ids or [])]))
        check_subnets(self, attachment.vpc_id, subnets)
        attachment.subnet_ids = subnets
        attachment.options.update(options or {})
        return attachment

    TransitGatewayAttachmentBackend.modify_transit_gateway_vpc_attachment = modify_transit_gateway_vpc_attachment


def deleted_attachment() -> None:
    """A deleted attachment stays visible on AWS, as `deleted`, for about an hour: the provider
    waits for that word. Its association and propagations go with it, and static routes to it
    become black holes. moto forgets the attachment and keeps its association and routes."""

    def delete_transit_gateway_vpc_attachment(self, transit_gateway_attachment_id):
        attachment = live_attachment(self, transit_gateway_attachment_id)
        for table in live_tables_of(self, attachment.transit_gateway_id):
            table.route_table_associations.pop(attachment.id, None)
            table.route_table_propagation = [
                propagation
                for propagation in table.route_table_propagation
                if propagation.transitGatewayAttachmentId != attachment.id
            ]
            for route in table.routes.values():
                if any(
                    target["transitGatewayAttachmentId"] == attachment.id
                    for target in route.get("transitGatewayAttachments", [])
                ):
                    route["state"] = "blackhole"
        attachment.state = DELETED
        return attachment

    TransitGatewayAttachmentBackend.delete_transit_gateway_vpc_attachment = delete_transit_gateway_vpc_attachment


def association_of_an_attachment() -> None:
    """AWS shows with an attachment the table that it is associated with, if any. moto always shows
    the gateway's default table."""

    def association(self):
        table = association_table(self.ec2_backend, self) if is_live(self) else None
        return table and {"State": "associated", "TransitGatewayRouteTableId": table.id}

    TransitGatewayAttachment.association = property(association)


def found_attachments() -> None:
    """AWS knows filters by tag, state, VPC and gateway in both describes, and refuses an id that it
    never gave. moto passes over tags, leaves an unknown id out of the answer, and lists peerings
    among the VPC attachments."""

    def associated_table_id(attachment):
        association = attachment.association
        return association and association["TransitGatewayRouteTableId"]

    both = {
        "state": lambda attachment: attachment.state,
        "transit-gateway-attachment-id": lambda attachment: attachment.id,
        "transit-gateway-id": lambda attachment: attachment.transit_gateway_id,
    }
    of_any = {
        **both,
        "association.state": lambda attachment: attachment.association and "associated",
        "association.transit-gateway-route-table-id": associated_table_id,
        "resource-id": lambda attachment: attachment.resource_id,
        "resource-owner-id": lambda attachment: attachment.resource_owner_id,
        "resource-type": lambda attachment: attachment.resource_type,
        "transit-gateway-owner-id": lambda attachment: attachment.transit_gateway_owner_id,
    }
    of_vpcs = {**both, "vpc-id": lambda attachment: attachment.resource_id}

    def missing(attachment_id):
        refuse(
            "InvalidTransitGatewayAttachmentID.NotFound",
            f"Transit Gateway Attachment {attachment_id} was deleted or does not exist.",
        )

    def describe_transit_gateway_attachments(self, transit_gateways_attachment_ids=None, filters=None):
        found = by_id(self.transit_gateway_attachments, transit_gateways_attachment_ids, missing)
        return select(found, filters, of_any)

    def describe_transit_gateway_vpc_attachments(self, transit_gateways_attachment_ids=None, filters=None):
        of_a_vpc = {
            attachment.id: attachment
            for attachment in self.transit_gateway_attachments.values()
            if attachment.resource_type == "vpc"
        }
        return select(by_id(of_a_vpc, transit_gateways_attachment_ids, missing), filters, of_vpcs)

    TransitGatewayAttachmentBackend.describe_transit_gateway_attachments = describe_transit_gateway_attachments
    TransitGatewayAttachmentBackend.describe_transit_gateway_vpc_attachments = describe_transit_gateway_vpc_attachments


REPAIRS = (
    tags_of_an_attachment,
    one_attachment_a_vpc,
    changed_attachment,
    deleted_attachment,
    association_of_an_attachment,
    found_attachments,
)
