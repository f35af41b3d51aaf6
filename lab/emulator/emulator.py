"""The lab's AWS: moto's server on loopback, put right where it differs from AWS (repairs/).

Prints one JSON line on stdout: `{"port": N}` as soon as connections are accepted, or
`{"failure": "port-taken", "port": N}`. Ends at once on SIGTERM and when its stdin is closed,
so that it never outlives the process that started it.
"""

import argparse
import hmac
import io
import json
import os
import re
import signal
import socket
import sys
import threading
import traceback

LOOPBACK = "127.0.0.1"
PORT_TAKEN = 3


def main() -> int:
    # The lab's parent decides when this ends: an interrupt typed at the terminal reaches the
    # whole process group, and a run that drains still needs its AWS.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    arguments = parse_arguments()
    threading.Thread(target=end_with_parent, daemon=True).start()

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, arguments.port))
    except OSError:
        say({"failure": "port-taken", "port": arguments.port})
        return PORT_TAKEN

    token = os.environ.pop("HOLDFAST_EMULATOR_TOKEN", None)
    application, handler = load(arguments.account_id, arguments.verbose)
    if token:
        application = ForItsProxy(application, token)

    from werkzeug.serving import make_server

    listener.listen(128)
    server = make_server(
        LOOPBACK,
        listener.getsockname()[1],
        application,
        threaded=True,
        request_handler=handler,
        fd=listener.fileno(),
    )
    say({"port": listener.getsockname()[1]})
    server.serve_forever()
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The lab's AWS emulator, on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--account-id", type=account_id, default="111122223333")
    parser.add_argument("--verbose", action="store_true", help="a line for each request, on stderr")
    return parser.parse_args()


def account_id(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError("an AWS account id has 12 digits")
    return text


def say(message: dict) -> None:
    print(json.dumps(message), flush=True)


def end_with_parent() -> None:
    """Whoever started this holds the other end of stdin; its end is our end, however it came."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def load(account: str, verbose: bool):
    """Imports moto for this account, repaired. Imports are the slow part of a start."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # moto opens a botocore session to learn the regions: it must not read anyone's profile.
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
    # With this variable every caller would be in one account, and an assumed role of another
    # account would not be noticed.
    os.environ.pop("MOTO_ACCOUNT_ID", None)

    import repairs

    repairs.use_account(account)
    repairs.quick_regions()
    repairs.skip_instance_types()

    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )

    repairs.apply()

    class Handler(MotoRequestHandler):
        # Headers and body go out in two writes: with Nagle the second one waits for an ACK.
        disable_nagle_algorithm = True

        def log(self, type: str, message: str, *args: object) -> None:
            if verbose:
                print(message % args if args else message, file=sys.stderr, flush=True)

    from snapshots import Snapshots

    return OneAtATime(Snapshots(DomainDispatcherApplication(create_backend_app))), Handler


class ForItsProxy:
    """Answers only who knows the token. Loopback has other users, and pages in browsers: what
    may be asked of the lab is decided by its proxy, and there is no way around it.
    """

    def __init__(self, application, token: str) -> None:
        self.application = application
        self.token = token.encode()

    def __call__(self, environ: dict, start_response):
        said = environ.pop("HTTP_X_HOLDFAST_EMULATOR", "").encode("latin-1", "replace")
        if hmac.compare_digest(said, self.token):
            return self.application(environ, start_response)
        return answer(start_response, "403 Forbidden", "AccessDenied", "The lab's proxy is the way to here.")


class OneAtATime:
    """Runs one request at a time, each with its whole body at hand.

    moto's dictionaries have no locks, and a conditional put reads before it writes. The lock is
    held while moto computes and never while a socket is read or written, so a slow client holds
    up nobody.
    """

    def __init__(self, application) -> None:
        self.application = application
        self.lock = threading.Lock()

    def __call__(self, environ: dict, start_response):
        body = read_body(environ)
        if body is None:
            return answer(start_response, "400 Bad Request", "IncompleteBody", "The body ended early.")

        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ.pop("wsgi.input_terminated", None)

        head = []
        try:
            with self.lock:
                chunks = self.application(environ, lambda status, headers, _=None: head.append((status, headers)))
                try:
                    content = b"".join(chunks)
                finally:
                    if hasattr(chunks, "close"):
                        chunks.close()
        except NotImplementedError as missing:
            # Not a 500: SDKs would try again, for nothing.
            print(f"not in the emulator: {missing}", file=sys.stderr, flush=True)
            return answer(start_response, "501 Not Implemented", "NotImplemented", str(missing))
        except Exception as bug:
            traceback.print_exc()
            return answer(start_response, "500 Internal Server Error", "InternalFailure", repr(bug))

        start_response(*head[-1])
        return [content]


def read_body(environ: dict) -> bytes | None:
    """The request's body, or None when the client went away before the end of it.

    Half a body must not reach moto: it would store half an object, which AWS never does.
    """
    stream = environ["wsgi.input"]
    try:
        if environ.get("wsgi.input_terminated"):
            return stream.read()
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = stream.read(length) if length else b""
    except OSError:
        return None
    return body if len(body) == length else None


def answer(start_response, status: str, code: str, message: str) -> list[bytes]:
    from xml.sax.saxutils import escape

    error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    body = f'<?xml version="1.0" encoding="UTF-8"?><Response><Errors>{error}</Errors></Response>'.encode()
    start_response(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body]


if __name__ == "__main__":
    sys.exit(main())
