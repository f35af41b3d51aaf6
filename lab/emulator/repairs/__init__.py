"""What moto does differently from AWS, put right: one named function for each difference.

Each replaces methods of moto's classes (moto is pinned, requirements.txt), says what AWS does and
what moto does, and has a test in test/contract/emulator-*.test.ts against the running server.
"""


def use_account(account: str) -> None:
    """AWS answers with the caller's account; moto's is 123456789012, a constant that modules copy
    when they are imported. So this comes before anything else of moto."""
    import moto.core
    import moto.core.models

    moto.core.DEFAULT_ACCOUNT_ID = account
    moto.core.models.DEFAULT_ACCOUNT_ID = account


def quick_regions() -> None:
    """moto asks botocore for the regions of each service through a session of its own each time,
    and each reads the whole model of EC2, ten megabytes, for nothing but the name of its endpoint.
    That was half of the emulator's start."""
    import boto3.session
    import botocore.session

    resolver = botocore.session.Session().get_component("endpoint_resolver")

    def get_available_regions(self, service_name, partition_name="aws", allow_non_regional=False):
        endpoint = {"cloudwatch": "monitoring", "service-quotas": "servicequotas"}.get(service_name, service_name)
        return resolver.get_available_endpoints(endpoint, partition_name, allow_non_regional)

    boto3.session.Session.get_available_regions = get_available_regions


def skip_instance_types() -> None:
    """moto unpacks the instance types of every region when it is imported, a quarter of a second
    for machines that a network of gateways and VPCs has none of."""
    from moto.utilities import utils

    load = utils.load_resource

    def load_resource(path):
        return {} if "instance_type" in str(path) else load(path)

    utils.load_resource = load_resource


def apply() -> None:
    from . import (
        attachments,
        buckets,
        cloudwatch,
        empty_account,
        gateways,
        objects,
        quotas,
        requests,
        route_tables,
        sessions,
        tags,
        topics,
        vpcs,
    )

    of_ec2 = (empty_account, requests, tags, gateways, attachments, route_tables, vpcs)
    for part in (*of_ec2, sessions, buckets, objects, quotas, cloudwatch, topics):
        for repair in part.REPAIRS:
            repair()
