"""Service Quotas."""

from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend

# What an account may have that was given more VPCs, as one with a network of gateways has, and of the
# transit gateway what every account may have. Codes and names: the console's links in AWS's own guides.
OF_THE_LAB = {
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 1000.0),
    ("ec2", "L-43872EB7"): ("Route Tables per transit gateway", 20.0),
    ("ec2", "L-BCC1FB47"): ("Routes per transit gateway", 10000.0),
}


def quotas_of_gateways() -> None:
    """AWS has the quotas of transit gateways among EC2's; moto knows none of EC2's."""
    get = ServiceQuotasBackend.get_service_quota

    def get_service_quota(self, service_code, quota_code):
        if (service_code, quota_code) in OF_THE_LAB:
            name, value = OF_THE_LAB[service_code, quota_code]
            return {
                "ServiceCode": service_code,
                "QuotaCode": quota_code,
                "QuotaName": name,
                "Value": value,
                "Adjustable": True,
                "GlobalQuota": False,
            }
        if service_code != "vpc":
            raise NoSuchResource
        return get(self, service_code, quota_code)

    ServiceQuotasBackend.get_service_quota = get_service_quota


REPAIRS = (quotas_of_gateways,)
