"""Three stock configurations: each has its own names."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import requests
from lxml import etree

from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings
from tests.sandbox.odata.conftest import CREDENTIALS

SETS = {
    "ut11": {"Document_ЗаказКлиента", "Document_ОперацияПоПлатежнойКарте"},
    "bp30": {"Document_СчетНаОплатуПокупателю", "Document_ОплатаПлатежнойКартой"},
    "unf30": {"Document_ЗаказПокупателя", "Document_ПоступлениеНаСчет", "Document_РасходСоСчета"},
}


@pytest.mark.parametrize("name", SETS)
def test_the_metadata_names_the_documents_and_their_functions(name: str) -> None:
    with OneCSandbox(Settings(season="tiny", configuration=name)) as running:
        answer = requests.get(f"{running.odata_url}$metadata", auth=CREDENTIALS, timeout=5)

    root = etree.fromstring(answer.content)
    published = {each.get("Name") for each in root.iter("{*}EntitySet")}
    bound = {each.get("Type").rpartition(".")[2] for each in root.iter("{*}Parameter")}
    assert published >= SETS[name]
    assert bound >= SETS[name]
    assert not published & (set().union(*SETS.values()) - SETS[name])


def test_the_command_takes_a_configuration_and_says_where_odata_is() -> None:
    argv = [sys.executable, "-m", "sandbox.onec", "--season", "tiny", "--configuration", "bp30"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        try:
            told = json.loads(running.stdout.readline())
            answer = requests.get(f"{told['odata_url']}$metadata", auth=CREDENTIALS, timeout=5)
        finally:
            running.terminate()
    assert "Document_ОплатаПлатежнойКартой" in answer.text


def test_a_configuration_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="нет"):
        Settings(configuration="нет")
