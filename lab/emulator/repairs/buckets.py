"""S3: whose a bucket is, and whom its policy denies what."""

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import InvalidBucketState, S3AccessDeniedError
from moto.s3.models import FakeBucket, S3Backend, s3_backends
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


def policies_are_judged_in_front() -> None:
    """What a bucket's policy denies depends on who asks and on what conditions. moto knows no
    principal, and takes conditions that do not hold for a refusal: it judges nothing here. The
    proxy in front does (lab/proxy/policy.ts), with the policies of roles."""
    FakeBucket.get_permission = lambda self, action, resource: PermissionResult.NEUTRAL


def object_lock_at_any_time() -> None:
    """A bucket with versions can get an object lock whatever is in it. moto takes one for an empty
    bucket only."""

    def put_object_lock_configuration(self, bucket_name, lock_enabled, mode=None, days=None, years=None):
        bucket = self.get_bucket(bucket_name)
        if not bucket.is_versioned:
            raise InvalidBucketState(
                "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
            )
        bucket.object_lock_enabled = bucket.object_lock_enabled or lock_enabled
        bucket.default_lock_mode = mode
        bucket.default_lock_days = days
        bucket.default_lock_years = years

    S3Backend.put_object_lock_configuration = put_object_lock_configuration


REPAIRS = (expected_owner, policies_are_judged_in_front, object_lock_at_any_time)
