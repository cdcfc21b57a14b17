"""Pushed call records as the other call centre sends them, and the routes that take them."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.support.fakes import OTHER_TENANT, TENANT, Enterprise
from validator.callcentre.policy import CallRecordsPolicy, RecordRoute
from validator.files import write_private
from validator.routeguard import RouteSecrets

ROUTE, OTHER_ROUTE = "/rest/v1/callRecords", "/rest/v1/second/callRecords"
SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
OTHER_SECRET = "60dbc1a9e8f7465b3c2d1e0f9a8b7c6d60dbc1a9e8f7465b3c2d1e0f9a8b7c6e"
CALL = "0b5d9c1e-77a4-4c0e-9f50-3a61de9c2b17"
EXTENSION, CUSTOMER, LINE = "1001", "13606254580", "051287660011"
RECORDING = f"/recordings/20261104/20261104114500_{CALL}_{EXTENSION}_{CUSTOMER}.mp3"
POLICY = CallRecordsPolicy(
    routes={f"{tenant}/ctibar": RecordRoute(tenant, "ctibar", "/r") for tenant in (TENANT, OTHER_TENANT)},
    proof="path",
    secrets=RouteSecrets(),
    networks=(),
    zone="Asia/Shanghai",
    keep=timedelta(days=180),
    quarantine_records=3,
    quarantine_bytes=65_536,
    recording_origin="",
)
STORED, FAILED = {"code": 0}, {"code": 1}


def sample(**changed: Any) -> dict[str, Any]:
    """Return the record of a call that went out, in the form of the document's sample, *changed*."""
    return {
        "callId": CALL,
        "callerUuid": "6f0a1c52-2f0c-4b1a-8f39-0f5f3f7a9d10",
        "calleeUuid": "d2b7a8c4-51a3-4f5e-9a55-7be3a7a3b0e6",
        "caller": EXTENSION,
        "callee": CUSTOMER,
        "pstn": LINE,
        "direction": "OUTBOUND",
        "startTime": "2026-11-04T11:45:00+08:00",
        "ringTime": "2026-11-04T11:45:01+08:00",
        "answerTime": "2026-11-04T11:45:02+08:00",
        "endTime": "2026-11-04T11:45:05+08:00",
        "ivrTime": "2026-11-04T11:45:00+08:00",
        "acdTime": None,
        "billSec": 3,
        "billMin": 1,
        "ringSec": 1,
        "duration": 5,
        "answered": True,
        "userId": 1,
        "nickname": "li.wei",
        "acdId": "",
        "acdName": "",
        "stereoRecordFile": RECORDING,
        "stereoFullPath": f"/opt{RECORDING}",
        **changed,
    }


def settings_with(folder: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return *settings* with both routes switched on, and write their secrets into *folder*."""
    secrets = f"{TENANT}/ctibar {SECRET}\n{OTHER_TENANT}/ctibar {OTHER_SECRET}\n"
    write_private(folder / "record-secrets", secrets.encode())
    return {
        "callrecords.ctibar_routes": f'["{TENANT}={ROUTE}", "{OTHER_TENANT}={OTHER_ROUTE}"]',
        "callrecords.secrets_file": str(folder / "record-secrets"),
        **(settings or {}),
    }


def push(
    enterprise: Enterprise,
    record: Mapping[str, Any] | bytes,
    secret: str = SECRET,
    route: str = ROUTE,
    source: str = "203.0.113.9",
) -> TestResponse:
    """Push *record* as the other call centre does, with the secret in the path."""
    place, environ = f"{route}/{secret}", {"REMOTE_ADDR": source}
    if isinstance(record, bytes):
        return enterprise.visitor().post(place, data=record, environ_overrides=environ)
    return enterprise.visitor().post(place, json=record, environ_overrides=environ)
