"""What AWS has at a moment, kept under a name, to go back to it in milliseconds.

moto's state is plain objects below its backends. The backends themselves stay the same objects,
because moto refers to them in many places: a snapshot holds what is in each, and only names them
where that points back. The sessions of STS are left alone, as a reset of the lab leaves them, and
the keys of KMS: what moto keeps of them cannot be pickled.
"""

import io
import pickle
import re

ROUTE = re.compile(r"^/_emulator/snapshots/([a-z0-9-]+)$")
LEFT_ALONE = {"sts", "iam", "kms"}


class Snapshots:
    """In front of moto: PUT takes a snapshot, POST goes back to it. No bucket can have that name:
    S3 allows no underscore."""

    def __init__(self, application) -> None:
        self.application = application
        self.taken: dict[str, Snapshot] = {}

    def __call__(self, environ: dict, start_response):
        route = ROUTE.match(environ.get("PATH_INFO", ""))
        if route is None:
            return self.application(environ, start_response)
        name = route.group(1)
        if environ["REQUEST_METHOD"] == "PUT":
            self.taken[name] = Snapshot()
        elif name in self.taken:
            self.taken[name].restore()
        else:
            return answer(start_response, "404 Not Found")
        return answer(start_response, "200 OK")


def answer(start_response, status: str) -> list[bytes]:
    start_response(status, [("Content-Length", "0")])
    return [b""]


class Snapshot:
    def __init__(self) -> None:
        self.places = list(places())
        self.backends = [backend for *_, backend in self.places]
        buffer = io.BytesIO()
        Pickler(buffer, self.backends).dump(([vars(backend) for backend in self.backends], dict(bucket_accounts())))
        self.contents = buffer.getvalue()

    def restore(self) -> None:
        # Before anything is made anew: S3 closes the contents of every object that there is.
        for *_, backend in list(places()):
            backend.reset()
        unpickler = pickle.Unpickler(io.BytesIO(self.contents))
        unpickler.persistent_load = self.backends.__getitem__
        contents, buckets = unpickler.load()
        for (of_service, account, of_account, region, backend), content in zip(self.places, contents):
            # A reset in between has emptied both.
            dict.__setitem__(of_service, account, of_account)
            dict.__setitem__(of_account, region, backend)
            if not any(known is of_service for known in instances()):
                instances().append(of_service)
            vars(backend).clear()
            vars(backend).update(content)
        bucket_accounts().clear()
        bucket_accounts().update(buckets)


class Pickler(pickle.Pickler):
    def __init__(self, buffer, backends) -> None:
        super().__init__(buffer, protocol=pickle.HIGHEST_PROTOCOL)
        self.numbers = {id(backend): number for number, backend in enumerate(backends)}

    def persistent_id(self, thing):
        return self.numbers.get(id(thing))

    def reducer_override(self, thing):
        from moto.s3.utils import _VersionedKeyStore

        # It is a dict that shows the newest version of each key, and so would be pickled without the others.
        if type(thing) is _VersionedKeyStore:
            return versions_of, ([(key, thing.getlist(key)) for key in thing],)
        return NotImplemented


def versions_of(lists):
    from moto.s3.utils import _VersionedKeyStore

    store = _VersionedKeyStore()
    for key, versions in lists:
        store.setlist(key, versions)
    return store


def places():
    """Every backend, with where moto keeps it."""
    for of_service in instances():
        if of_service.service_name in LEFT_ALONE:
            continue
        for account, of_account in of_service.items():
            for region, backend in of_account.items():
                yield of_service, account, of_account, region, backend


def instances() -> list:
    from moto.core.base_backend import BackendDict

    return BackendDict._instances


def bucket_accounts() -> dict:
    """Where each bucket of the world is: kept beside the backends of S3, not in them."""
    from moto.s3.models import s3_backends

    return s3_backends.bucket_accounts
