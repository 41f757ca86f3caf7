"""The stock OData interface of the simulated infobase: who may call, what is asked, and what goes wrong on purpose."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Request, Response, request

from sandbox._base.server import CUT_HEADER
from sandbox.onec import disturbances, odata_goods, odata_money, odata_reading, odata_wire
from sandbox.onec.disturbances import AFTER_EXECUTION, BEFORE_SESSION, IN_SESSION, Interrupted, Scene
from sandbox.onec.faults import Fault, FaultKind
from sandbox.onec.journal import Call
from sandbox.onec.odata_changes import SET_NAME as PLAN
from sandbox.onec.odata_changes import read_point
from sandbox.onec.odata_errors import ODataError, no_entity, no_segment
from sandbox.onec.odata_query import read_options
from sandbox.onec.odata_schema import Entity
from sandbox.onec.odata_store import Row
from sandbox.onec.service import WebService
from sandbox.onec.sessions import NO_LICENCE, LicenceRefused, SessionLost, SessionNotStarted
from sandbox.onec.soap import SoapFault

PATH = "/infobase/odata/standard.odata/"
METHODS = ("GET", "POST", "PATCH", "DELETE")
_RESOURCE = re.compile(r"(?P<set>\w+)(?:\((?P<key>[^)]*)\))?(?:/(?P<tail>\w+))?")
_KEY = re.compile(r"guid'([0-9a-fA-F-]{36})'")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_PAGE_401 = "<html><head><title>401 Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its method, path, options, body and the address of the interface."""

    method: str
    path: str
    options: dict[str, str]
    body: bytes
    url: str

    @property
    def as_json(self) -> bool:
        """Whether JSON was asked for; without it 1C answers in Atom."""
        return self.options.get("$format") == "json"


class ODataService:
    """OData of one infobase; shares sessions, faults and the journal with its web service. Thread-safe."""

    def __init__(self, service: WebService) -> None:
        self.service = service
        self.infobase = service.infobase

    def answer(self, incoming: Request, path: str) -> Response:
        """Answer one request and write it into the journal."""
        call = self.service.journal.begin(self.infobase.clock.now().isoformat())
        started_s = time.perf_counter()
        response = self._answer(call, incoming, path)
        call.status = response.status_code
        call.is_answered = CUT_HEADER not in response.headers
        call.duration_ms = round((time.perf_counter() - started_s) * 1000, 1)
        return response

    def _answer(self, call: Call, incoming: Request, path: str) -> Response:
        raw = incoming.query_string.decode("latin-1")
        as_json = "$format=json" in unquote(raw)
        try:
            return self._guarded(call, incoming, path, raw)
        except Interrupted as interruption:
            return interruption.response
        except ODataError as problem:
            return odata_wire.error(problem, as_json=as_json)
        except (SoapFault, LicenceRefused) as refusal:
            return odata_wire.error(ODataError(500, "-1", str(refusal) or NO_LICENCE), as_json=as_json)
        except SessionNotStarted:
            return disturbances.html(f"<html><body><h1>406 Not Acceptable</h1>{NO_LICENCE}</body></html>", 406)
        except SessionLost as lost:
            return disturbances.html("<html><body>400</body></html>", lost.status)

    def _guarded(self, call: Call, incoming: Request, path: str, raw: str) -> Response:
        asked = Asked(incoming.method, path, read_options(raw), incoming.get_data(), incoming.host_url + PATH[1:])
        call.operation = _operation(asked)
        cookie = incoming.cookies.get("ibsession", "")
        scene = Scene(self.service.faults, self.service.sessions, cookie)
        fault = self.service.faults.take(call.operation)
        if fault:
            call.fault = fault.kind.value
            BEFORE_SESSION.get(fault.kind, _nothing)(fault, scene)
        with self.service.sessions.enter(incoming.headers.get("IBSession", ""), cookie) as entered:
            call.is_new_session = entered.is_new
            response = self._in_session(call, asked, fault, scene)
        if entered.cookie:
            response.headers.add("Set-Cookie", f"ibsession={entered.cookie}; path=/infobase; HttpOnly")
        return response

    def _in_session(self, call: Call, asked: Asked, fault: Fault | None, scene: Scene) -> Response:
        self.service.take_time(call, 0)
        is_said = fault is not None and fault.kind is FaultKind.ERROR_AS_200
        if fault and not is_said:
            IN_SESSION.get(fault.kind, _nothing)(fault, scene)
        if not is_said or (fault and fault.executes):
            with self.infobase.open():
                self.infobase.papers.refresh()
                response = self._run(asked)
            call.is_executed = True
        if is_said:
            return odata_wire.error(
                ODataError(200, "-1", "Ошибка при вызове метода контекста (Записать)"), as_json=True
            )
        return AFTER_EXECUTION[fault.kind](fault, response, scene) if fault and _is_after(fault) else response

    def _run(self, asked: Asked) -> Response:
        if asked.path == "$metadata":
            return odata_wire.metadata(self.infobase.papers.configuration, self._hidden())
        if asked.path in _FEED:
            return _FEED[asked.path](self, asked)
        if table := odata_goods.virtual(self.infobase.papers, asked.path, asked.options):
            self._entity(asked.path.partition("/")[0])
            return odata_wire.collection(asked.url, *table, None)
        found = _RESOURCE.fullmatch(asked.path)
        if not found:
            raise no_segment(asked.path)
        self._entity(found["set"])
        if found["key"] is None:
            return self._on_set(asked, found["set"])
        return self._on_object(asked, found["set"], self._row(found["set"], found["key"]), found["tail"] or "")

    def _hidden(self) -> frozenset[str]:
        return frozenset(self.infobase.settings.odata_unpublished.split())

    def _entity(self, name: str) -> Entity:
        entities = self.infobase.papers.configuration.entities
        owner = next(
            (each for each in entities if name == each or name in odata_reading.part_sets(entities[each])), None
        )
        if owner is None or owner in self._hidden():
            raise no_segment(name)
        return entities[owner]

    def _row(self, set_name: str, key: str) -> Row:
        found = _KEY.fullmatch(key)
        row = self.infobase.papers.sets.get(set_name, {}).get(found[1].lower()) if found else None
        if row is None:
            raise no_entity()
        return row

    def _on_set(self, asked: Asked, set_name: str) -> Response:
        papers = self.infobase.papers
        if asked.method == "POST" and set_name in papers.sets:
            row = papers.create(set_name, _read_body(asked.body))
            shown = odata_reading.shown(papers, set_name, row, asked.options)
            location = f"{asked.url}{set_name}(guid'{row['Ref_Key']}')"
            return odata_wire.single(asked.url, set_name, shown, 201, location)
        if asked.method != "GET":
            raise ODataError(405, "-1", "Метод не поддерживается")
        if set_name == PLAN:
            rows, count = [papers.plan.node()], None
            shown_rows = [odata_reading.on_wire(papers.configuration.entities[PLAN], each) for each in rows]
        else:
            shown_rows, count = odata_reading.page(papers, self._entity(set_name), set_name, asked.options)
        if asked.as_json:
            return odata_wire.collection(asked.url, set_name, shown_rows, count)
        return odata_wire.feed(asked.url, [(set_name, row) for row in shown_rows])

    def _on_object(self, asked: Asked, set_name: str, row: Row, tail: str) -> Response:
        papers = self.infobase.papers
        match asked.method, tail:
            case "GET", "":
                shown = odata_reading.shown(papers, set_name, row, asked.options)
                return (
                    odata_wire.single(asked.url, set_name, shown)
                    if asked.as_json
                    else odata_wire.feed(asked.url, [(set_name, shown)])
                )
            case "GET", part if part in papers.configuration.entities[set_name].parts:
                rows = odata_reading.shown(papers, set_name, row, {})[part]
                return odata_wire.collection(asked.url, f"{set_name}_{part}", rows, None)
            case "PATCH", "":
                given = _read_body(asked.body)
                papers.change(set_name, row, given)
                if given.get("DeletionMark") is True:
                    odata_money.unpost(self.infobase, set_name, row)
                shown = odata_reading.shown(papers, set_name, row, asked.options)
                return odata_wire.single(asked.url, set_name, shown)
            case "POST", "Post" | "Unpost" if set_name.startswith("Document_"):
                turn = odata_money.post if tail == "Post" else odata_money.unpost
                turn(self.infobase, set_name, row)
                papers.touch(set_name, row)
                return odata_wire.RawResponse("", 200, content_type=odata_wire.JSON_TYPE)
            case "DELETE", "":
                raise ODataError(500, "-1", "Непосредственное удаление объекта запрещено")
        raise no_segment(tail or asked.method)

    def select_changes(self, asked: Asked) -> Response:
        """Everything that changed since the node's last confirmation; `$top`, `$filter` and `$format` do nothing."""
        papers = self.infobase.papers
        chosen = papers.plan.select(read_point(asked.options))
        entries = [(name, odata_reading.shown(papers, name, papers.sets[name][key], {})) for name, key in chosen]
        response = odata_wire.feed(asked.url, entries)
        if _UNPRINTABLE.search(response.get_data(as_text=True)):
            raise ODataError(400, "-1", "Недопустимый символ в документе XML")
        return response

    def notify_received(self, asked: Asked) -> Response:
        """Confirm a message."""
        self.infobase.papers.plan.confirm(read_point(asked.options))
        return odata_wire.RawResponse("", 200, content_type=odata_wire.ATOM_TYPE)


_FEED: dict[str, Callable[[ODataService, Asked], Response]] = {
    "SelectChanges": ODataService.select_changes,
    "NotifyChangesReceived": ODataService.notify_received,
}
_VERBS = {"POST": "create", "PATCH": "update"}


def _operation(asked: Asked) -> str:
    tail = asked.path.rpartition("/")[2]
    if asked.path == "$metadata":
        return "odata.metadata"
    if asked.path in _FEED:
        return "odata.changes"
    if asked.method == "POST" and tail in ("Post", "Unpost"):
        return f"odata.{tail.lower()}"
    return f"odata.{_VERBS.get(asked.method, 'read')}"


def _is_after(fault: Fault) -> bool:
    return fault.kind in AFTER_EXECUTION and fault.kind is not FaultKind.ERROR_AS_200


def _nothing(_fault: Fault, _scene: Scene) -> None:
    """A fault that does nothing at this point of the call."""


def _read_body(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body.decode("utf-8"), parse_float=Decimal)
    except ValueError as error:
        raise ODataError(500, "-1", "Непредвиденный символ при чтении JSON") from error
    if not isinstance(given, dict):
        raise ODataError(500, "-1", "Непредвиденный символ при чтении JSON")
    return given


def odata_blueprint(service: ODataService) -> Blueprint:
    """OData at its address."""
    blueprint = Blueprint("odata", __name__)

    @blueprint.route(PATH, defaults={"path": ""}, methods=METHODS)
    @blueprint.route(f"{PATH}<path:path>", methods=METHODS)
    def publish(path: str) -> Response:
        if not service.service.admits(request.headers.get("Authorization", "")):
            refusal = disturbances.html(_PAGE_401, 401)
            refusal.headers["WWW-Authenticate"] = 'Basic realm="1C:Enterprise 8.3"'
            return refusal
        return service.answer(request, path)

    return blueprint
