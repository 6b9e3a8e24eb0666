from __future__ import annotations

import hashlib

import pytest

from skin.data.hosts.remote import Checksum, RemoteFile, ask_size
from skin.errors import SkinError

CONTENT = b"image,MEL\n"
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def ask(host, *, on_s3: bool = True):
    host.files["/a.csv"] = CONTENT
    return ask_size(RemoteFile("a.csv", f"{host.url}/a.csv", on_s3=on_s3), 0)


def test_the_host_tells_the_size(host):
    assert ask(host).size == len(CONTENT)
    assert [method for method, *_ in host.requests] == ["HEAD"]


def test_a_known_size_is_not_asked_for(host):
    file = RemoteFile("a.csv", f"{host.url}/a.csv", 3)
    assert ask_size(file, 0) is file
    assert host.requests == []


@pytest.mark.parametrize(
    ("etag", "headers", "on_s3", "is_md5"),
    [
        (f'"{MD5}"', {}, True, True),
        (f'"{MD5}"', {"x-amz-server-side-encryption": "AES256"}, True, True),
        (f'"{MD5}"', {}, False, False),  # another host's tag may be anything
        (f'"{MD5}-3"', {}, True, False),  # uploaded in three parts
        (f'W/"{MD5}"', {}, True, False),
        (f'"{MD5}"', {"x-amz-server-side-encryption": "aws:kms"}, True, False),
        (f'"{MD5}"', {"x-amz-server-side-encryption-customer-algorithm": "AES256"}, True, False),
    ],
)
def test_which_tags_are_checksums(host, etag: str, headers: dict[str, str], on_s3, is_md5):
    host.etags["/a.csv"], host.headers = etag, headers
    assert ask(host, on_s3=on_s3).checksum == (Checksum("md5", MD5) if is_md5 else None)


def test_a_host_that_does_not_tell_the_size_is_an_error(host):
    host.headers = {"Content-Length": "many"}
    with pytest.raises(SkinError, match=r"the host of a\.csv does not tell its size"):
        ask(host)


def test_a_host_that_keeps_failing_is_given_up(host):
    host.statuses = [503] * 9
    with pytest.raises(SkinError, match=r"cannot fetch a\.csv from .*: the server says 503"):
        ask(host)
    assert len(host.requests) == 5


def test_a_host_that_is_not_there():
    with pytest.raises(SkinError, match=r"cannot fetch a\.csv from http"):
        ask_size(RemoteFile("a.csv", "http://127.0.0.1:1/a.csv"), 0)
