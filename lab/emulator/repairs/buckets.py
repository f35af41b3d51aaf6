"""S3: whose a bucket is, and what its policy says of plain HTTP."""

import json

from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import FakeBucket, s3_backends
from moto.s3.responses import S3Response


def expected_owner() -> None:
    """`x-amz-expected-bucket-owner` of a request that meets another account's bucket is answered
    with 403. moto passes over it."""
    of_bucket, of_key = S3Response._bucket_response, S3Response._key_response

    def check(self) -> None:
        expected = self.headers.get("x-amz-expected-bucket-owner")
        _, owner = s3_backends.bucket_accounts.get(self.bucket_name, (None, expected))
        if expected and owner != expected:
            raise S3AccessDeniedError

    def _bucket_response(self, request, full_url):
        check(self)
        return of_bucket(self, request, full_url)

    def _key_response(self, request, full_url):
        check(self)
        return of_key(self, request, full_url)

    S3Response._bucket_response, S3Response._key_response = _bucket_response, _key_response


def loopback_is_secure() -> None:
    """A Deny of a policy counts where its conditions hold; moto takes conditions that do not hold
    for a refusal too. The lab's loopback stands for TLS: what a policy denies to requests that are
    not TLS is denied to nobody here."""
    permission = FakeBucket.get_permission

    def get_permission(self, action, resource):
        policy = self.policy
        if policy is None:
            return permission(self, action, resource)
        document = json.loads(policy)
        statements = document["Statement"]
        statements = statements if isinstance(statements, list) else [statements]
        document["Statement"] = [statement for statement in statements if not is_of_plain_http(statement)]
        self.policy = json.dumps(document).encode()
        try:
            return permission(self, action, resource)
        finally:
            self.policy = policy

    FakeBucket.get_permission = get_permission


def is_of_plain_http(statement: dict) -> bool:
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return secure in ("false", ["false"], False)


REPAIRS = (expected_owner, loopback_is_secure)
