"""The account that the lab starts with."""

from moto.ec2.models import EC2Backend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend


def no_default_vpc() -> None:
    """An account whose default VPC was deleted, as companies do: then a list shows what was
    deployed and nothing else. moto makes a default VPC, with subnets, in each region it touches.
    `CreateDefaultVpc` still makes one, as on AWS."""
    create = VPCBackend.create_default_vpc

    def create_default_vpc(self):
        being_built = "default_vpc" not in self.__dict__
        return None if being_built else create(self)

    EC2Backend.create_default_vpc = create_default_vpc


def plain_subnets() -> None:
    """On AWS only a subnet of the default VPC is a zone's default one and gives out public
    addresses. moto takes the first subnet of each zone for it, whatever its VPC."""
    create = SubnetBackend.create_subnet

    def create_subnet(self, vpc_id, *args, **kwargs):
        subnet = create(self, vpc_id, *args, **kwargs)
        default = self.get_vpc(vpc_id).is_default in (True, "true")
        subnet.default_for_az = default
        subnet.map_public_ip_on_launch = default
        return subnet

    SubnetBackend.create_subnet = create_subnet


REPAIRS = (no_default_vpc, plain_subnets)
