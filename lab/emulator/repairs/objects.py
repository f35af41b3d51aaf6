"""S3: the conditions of a write."""

from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response
from werkzeug.datastructures import Headers


def conditional_copy() -> None:
    """AWS looks at `If-Match` and `If-None-Match` of a copy's target. moto copies over anything."""
    copy = S3Response.copy_object

    def copy_object(self):
        check_conditions(self, self.parse_key_name())
        return copy(self)

    S3Response.copy_object = copy_object


def conditional_upload() -> None:
    """AWS looks at both conditions when a multipart upload is completed, but not when it is
    completed once more. moto knows `If-None-Match` there, and passes over `If-Match`."""
    post = S3Response._key_response_post

    def _key_response_post(self, request, body, bucket_name, query, key_name):
        upload_id = query.get("uploadId", [None])[0]
        if upload_id:
            current = self.backend.get_object(bucket_name, key_name)
            multipart = current and current.multipart
            if not multipart or multipart.id != upload_id:
                check_conditions(self, key_name)
        return post(self, request, body, bucket_name, query, key_name)

    S3Response._key_response_post = _key_response_post


def check_conditions(response: S3Response, key_name: str) -> None:
    if_match, if_none_match = response.headers.get("If-Match"), response.headers.get("If-None-Match")
    current = response.backend.get_object(response.bucket_name, key_name)
    if if_none_match == "*" and current:
        raise PreconditionFailed("If-None-Match")
    if if_match and not current:
        raise MissingKey
    if if_match and if_match.strip('"') != current.etag.strip('"'):
        raise PreconditionFailed("If-Match")


def delete_what_is_there() -> None:
    """`If-Match: *` of AWS deletes an object that is there, and is refused for a delete marker
    (412) and for a key that never was (404). moto compares the star with the ETag."""
    delete = S3Response.delete_object

    def delete_object(self):
        if self.headers.get("If-Match") != "*":
            return delete(self)
        current = self.backend.get_bucket(self.bucket_name).keys.get(self.parse_key_name())
        if current is None:
            raise MissingKey
        if isinstance(current, FakeDeleteMarker):
            raise PreconditionFailed("If-Match")
        self.headers = Headers([(name, value) for name, value in self.headers.items() if name.lower() != "if-match"])
        return delete(self)

    S3Response.delete_object = delete_object


REPAIRS = (conditional_copy, conditional_upload, delete_what_is_there)
