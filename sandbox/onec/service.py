"""The published web service: who may call, in which session, what is run, and what goes wrong on purpose."""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from typing import Any

from flask import Blueprint, Request, Response, request

from sandbox._base.server import CUT_HEADER
from sandbox.onec import disturbances, soap, wsdl
from sandbox.onec.disturbances import AFTER_EXECUTION, BEFORE_SESSION, IN_SESSION, Interrupted, Scene
from sandbox.onec.faults import WSDL, ArmedFaults, Fault, FaultKind
from sandbox.onec.infobase import Infobase
from sandbox.onec.journal import Call, Journal
from sandbox.onec.latency import Latency, find_profile
from sandbox.onec.operations import OPERATIONS, Trace
from sandbox.onec.schema import DRIFTED, PUBLISHED, Schema
from sandbox.onec.sessions import NO_LICENCE, LicenceRefused, SessionLost, SessionNotStarted, Sessions
from sandbox.onec.soap import Envelope, SoapFault

PATH = "/infobase/ws/ticketbridge.1cws"
_PAGE_401 = "<html><head><title>401 Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
_PAGE_404 = "<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"


class WebService:
    """The web service of one infobase; thread-safe."""

    def __init__(self, infobase: Infobase) -> None:
        self.infobase = infobase
        self.sessions = Sessions(infobase.settings, infobase.clock)
        self.faults = ArmedFaults()
        self.journal = Journal()
        self._latency = Latency(infobase.settings.seed)

    def restart(self, **changes: Any) -> None:
        """Begin a season anew, with an empty journal; raises ``ValueError`` if ``changes`` are no settings."""
        self.infobase.restart(**changes)
        self.journal = Journal()

    def admits(self, authorization: str) -> bool:
        """Whether the Basic credentials are those of the infobase's user, in UTF-8: other encodings are refused, as 1C does."""
        scheme, _, encoded = authorization.partition(" ")
        settings = self.infobase.settings
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        expected = f"{settings.login}:{settings.password}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(given, expected)

    def describe(self, url: str) -> Response:
        """The WSDL."""
        scene = Scene(self.faults, self.sessions, "")
        fault = self.faults.take(WSDL)
        steps = {**BEFORE_SESSION, **IN_SESSION}
        try:
            if fault and fault.kind in steps:
                steps[fault.kind](fault, scene)
        except Interrupted as interruption:
            return interruption.response
        except SoapFault as error:
            return _fault(soap.SOAP_11, error)
        address = self.infobase.settings.wsdl_address or url
        return Response(wsdl.publish(self._schema(), address), content_type="text/xml; charset=utf-8")

    def call(self, body: bytes, directive: str, cookie: str) -> Response:
        """Run one SOAP call; ``directive`` is the `IBSession` header and ``cookie`` the `ibsession` cookie."""
        call = self.journal.begin(self.infobase.clock.now().isoformat())
        started_s = time.perf_counter()
        response = self._answer(call, body, directive, cookie)
        call.status = response.status_code
        call.is_answered = CUT_HEADER not in response.headers
        call.duration_ms = round((time.perf_counter() - started_s) * 1000, 1)
        return response

    def _answer(self, call: Call, body: bytes, directive: str, cookie: str) -> Response:
        version = soap.version_of(body)
        try:
            return self._guarded(call, body, directive, cookie)
        except Interrupted as interruption:
            return interruption.response
        except SoapFault as error:
            return _fault(version, error)
        except LicenceRefused:
            return _fault(version, SoapFault(NO_LICENCE))
        except SessionNotStarted:
            return disturbances.html(f"<html><body><h1>406 Not Acceptable</h1>{NO_LICENCE}</body></html>", 406)
        except SessionLost as error:
            return disturbances.html(
                _PAGE_404 if error.status == 404 else "<html><body>400</body></html>", error.status
            )

    def _guarded(self, call: Call, body: bytes, directive: str, cookie: str) -> Response:
        schema = self._schema()
        envelope = soap.open_envelope(schema, body)
        call.operation = envelope.operation.name
        scene = Scene(self.faults, self.sessions, cookie)
        fault = self.faults.take(call.operation)
        if fault:
            call.fault = fault.kind.value
            BEFORE_SESSION.get(fault.kind, _nothing)(fault, scene)
        with self.sessions.enter(directive, cookie) as entered:
            call.is_new_session = entered.is_new
            try:
                response = self._in_session(call, schema, envelope, fault, scene)
            except SoapFault as error:
                response = _fault(envelope.version, error)
            except Interrupted as interruption:
                response = interruption.response
        if entered.cookie:
            response.headers.add("Set-Cookie", f"ibsession={entered.cookie}; path=/infobase; HttpOnly")
        return response

    def _in_session(
        self, call: Call, schema: Schema, envelope: Envelope, fault: Fault | None, scene: Scene
    ) -> Response:
        parameters = soap.read_parameters(schema, envelope)
        self.take_time(call, len(next(iter(parameters.values()))) if call.operation in _BATCHES else 0)
        if fault:
            IN_SESSION.get(fault.kind, _nothing)(fault, scene)
        trace = Trace(fail_first=fault.commands if fault and fault.kind is FaultKind.COMMAND_FAILED else 0)
        with self.infobase.open():
            result = OPERATIONS[call.operation](self.infobase, parameters, trace)
        call.is_executed, call.ids, call.outcomes = True, trace.ids, trace.outcomes
        answer = soap.write_answer(schema, envelope, result)
        response = Response(answer, content_type=soap.content_type(envelope.version))
        if fault and fault.kind in AFTER_EXECUTION:
            return AFTER_EXECUTION[fault.kind](fault, response, scene)
        return response

    def take_time(self, call: Call, items: int) -> None:
        """Let the time pass that a call of ``items`` commands takes."""
        profile = find_profile(self.infobase.settings.latency)
        now_s = self.infobase.clock.seconds()
        delay_s = self._latency.delay_s(profile, call.operation, items, now_s, is_new_session=call.is_new_session)
        if delay_s:
            time.sleep(delay_s)

    def _schema(self) -> Schema:
        is_drifted = self.infobase.settings.is_wsdl_drifted or self.faults.is_drifted()
        return DRIFTED if is_drifted else PUBLISHED


_BATCHES = frozenset({"ApplySeatCommands", "PostPayments"})


def _nothing(_fault: Fault, _scene: Scene) -> None:
    """A fault that does nothing at this point of the call."""


def _fault(version: str, error: SoapFault) -> Response:
    return Response(soap.write_fault(version, str(error)), 500, content_type=soap.content_type(version))


def service_blueprint(service: WebService) -> Blueprint:
    """The web service at its address."""
    blueprint = Blueprint("service", __name__)

    @blueprint.route(PATH, methods=["GET", "POST"])
    def publish() -> Response:
        if not service.admits(request.headers.get("Authorization", "")):
            refusal = disturbances.html(_PAGE_401, 401)
            refusal.headers["WWW-Authenticate"] = 'Basic realm="1C:Enterprise 8.3"'
            return refusal
        if request.method == "POST":
            headers = request.headers
            return service.call(request.get_data(), headers.get("IBSession", ""), request.cookies.get("ibsession", ""))
        return service.describe(request.base_url) if _wants_wsdl(request) else disturbances.html(_PAGE_404, 404)

    return blueprint


def _wants_wsdl(asked: Request) -> bool:
    return "wsdl" in {name.lower() for name in asked.args}
