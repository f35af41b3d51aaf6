"""STS sessions and who they say they are."""

from moto.sts.exceptions import STSValidationError
from moto.sts.models import AssumedRole, STSBackend
from moto.sts.responses import TokenResponse

HOUR = 3600


def steady_user_id() -> None:
    """A session of AWS has one user id. moto makes a new one at each look, when the role is not in
    its IAM."""
    user_id = AssumedRole.user_id

    def steady(self):
        if "steady_user_id" not in self.__dict__:
            self.steady_user_id = user_id.fget(self)
        return self.steady_user_id

    AssumedRole.user_id = property(steady)


def web_identity_user_id() -> None:
    """AWS names the assumed role with the id that `GetCallerIdentity` gives. moto gives a constant
    for a web identity."""
    assume = TokenResponse.assume_role_with_web_identity

    def assume_role_with_web_identity(self):
        check_duration(self, longest=12 * HOUR)
        answer = assume(self)
        answer.result["AssumedRoleUser"]["AssumedRoleId"] = answer.result["Credentials"].user_id
        return answer

    TokenResponse.assume_role_with_web_identity = assume_role_with_web_identity


def session_length() -> None:
    """AWS gives 15 minutes to 12 hours, and one hour at most to a role that a role assumed. moto
    gives what it is asked for."""
    assume = TokenResponse.assume_role

    def assume_role(self):
        caller = self.backend.get_assumed_role_from_access_key(self.get_access_key())
        check_duration(self, longest=HOUR if caller else 12 * HOUR, chained=caller is not None)
        return assume(self)

    TokenResponse.assume_role = assume_role


def check_duration(response: TokenResponse, longest: int, chained: bool = False) -> None:
    seconds = response._get_int_param("DurationSeconds", HOUR)
    if seconds < 900:
        raise STSValidationError(
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900"
        )
    if seconds > longest:
        raise STSValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            if chained
            else "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def identity_of_a_long_lived_key() -> None:
    """AWS names the owner of an access key that is no session as a user of IAM. moto answers with
    an ARN of STS that cannot be."""
    identify = STSBackend.get_caller_identity

    def get_caller_identity(self, access_key_id, region):
        user_id, arn, account = identify(self, access_key_id, region)
        if arn.endswith(":user/moto"):
            return "AIDALABLABLABLABLABLA", f"arn:{self.partition}:iam::{account}:user/lab", account
        return user_id, arn, account

    STSBackend.get_caller_identity = get_caller_identity


REPAIRS = (steady_user_id, web_identity_user_id, session_length, identity_of_a_long_lived_key)
