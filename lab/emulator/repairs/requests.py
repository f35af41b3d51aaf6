"""What holds for any request to EC2."""

from moto.core.responses import ActionResult
from moto.ec2.exceptions import DryRunClientError
from moto.ec2.responses import EC2Response
from moto.ec2.responses.route_tables import RouteTables


def dry_run() -> None:
    """AWS answers `DryRunOperation` (412) to a permitted call with `DryRun`, and does nothing.
    moto knows the flag for some calls, and for most creates makes the thing."""
    call = EC2Response.call_action

    def call_action(self):
        if not self._get_param("DryRun", False):
            return call(self)
        _, headers, body = self.serialized(ActionResult(DryRunClientError()))
        headers["status"] = 412
        status, headers, body = self._transform_response(self.response_headers, (body, headers))
        headers, body = self._enrich_response(headers, body)
        return status, headers, body

    EC2Response.call_action = call_action


def client_token() -> None:
    """AWS answers a second `CreateRouteTable` with the same client token with the first one's
    table, which is what makes an SDK's retry after a lost reply harmless. moto makes another."""
    create = RouteTables.create_route_table

    def create_route_table(self):
        token = self._get_param("ClientToken")
        backend = self.ec2_backend
        made = backend.__dict__.setdefault("route_table_of_client_token", {})
        if token and made.get(token) in backend.route_tables:
            return ActionResult({"RouteTable": backend.route_tables[made[token]]})
        before = set(backend.route_tables)
        result = create(self)
        if token:
            made[token] = (set(backend.route_tables) - before).pop()
        return result

    RouteTables.create_route_table = create_route_table


REPAIRS = (dry_run, client_token)
