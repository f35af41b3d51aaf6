"""CloudWatch."""

import io
import json
from datetime import datetime
from typing import Any

from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer
from moto.core.utils import get_service_model
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

PREFIX = "/service/GraniteServiceVersion20100801/operation/"


def cbor_protocol() -> None:
    """CloudWatch of AWS speaks CBOR (Smithy RPC v2), which is what its current SDKs, the provider's
    too, send. moto speaks the JSON of before, with the same shapes: so the one is turned into the
    other, by botocore's own reading of the service."""
    dispatch = DomainDispatcherApplication.__call__

    def __call__(self, environ, start_response):
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return dispatch(self, environ, start_response)
        operation = path.removeprefix(PREFIX)
        request = json.dumps(from_cbor(environ["wsgi.input"].read()), default=epoch_seconds).encode()
        as_json = {
            "PATH_INFO": "/",
            "REQUEST_URI": "/",
            "RAW_URI": "/",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(request)),
            "HTTP_X_AMZ_TARGET": f"GraniteServiceVersion20100801.{operation}",
            "wsgi.input": io.BytesIO(request),
        }
        head: list[Any] = []
        answer = b"".join(dispatch(self, {**environ, **as_json}, lambda status, headers, _=None: head.extend([status])))
        return answer_in_cbor(operation, head[-1], json.loads(answer or b"{}"), start_response)

    DomainDispatcherApplication.__call__ = __call__


def answer_in_cbor(operation: str, status: str, answer: dict[str, Any], start_response) -> list[bytes]:
    headers = [("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
    body = bytearray()
    if status.startswith("2"):
        shape = get_service_model("cloudwatch").operation_model(operation).output_shape
        if shape is not None:
            serializer()._serialize_data_item(body, known(answer, shape), shape)
    else:
        code = str(answer.get("__type", "InternalServiceFault")).split("#")[-1]
        headers.append(("x-amzn-query-error", f"{code};{'Sender' if status.startswith('4') else 'Receiver'}"))
        body += cbor_strings({"__type": code, "message": str(answer.get("message", ""))})
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [bytes(body)]


def from_cbor(body: bytes) -> Any:
    parser = RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body)) if body else {}


def serializer() -> RpcV2CBORSerializer:
    return RpcV2CBORSerializer()


def cbor_strings(pairs: dict[str, str]) -> bytes:
    body = bytearray([0xA0 + len(pairs)])
    for text in (text for pair in pairs.items() for text in pair):
        serializer()._serialize_type_string(body, text, None, None)
    return bytes(body)


def known(value: Any, shape: Any) -> Any:
    """The part of an answer that the service's model knows, with numbers as the model has them."""
    match shape.type_name:
        case "structure":
            return {
                name: known(one, shape.members[name])
                for name, one in value.items()
                if name in shape.members and one is not None
            }
        case "list":
            return [known(one, shape.member) for one in value]
        case "map":
            return {name: known(one, shape.value) for name, one in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case _:
            return value


def epoch_seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"not in a CloudWatch request: {value!r}")


REPAIRS = (cbor_protocol,)
