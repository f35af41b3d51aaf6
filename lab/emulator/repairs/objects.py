"""S3."""

REPAIRS = ()
