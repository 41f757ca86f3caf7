"""The shop in a real browser: a ticket is bought with the keyboard alone, while others take seats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from sandbox.shop import ShopServer

from .fake_broker import FakeBroker

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
WAIT_S = 10
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (CHROMIUM.exists() and DRIVER.exists()), reason="Debian's chromium and chromium-driver are missing"
    ),
]


class Keyboard:
    """A person who touches nothing but keys."""

    def __init__(self, browser: Chrome) -> None:
        self.browser = browser

    def press(self, *keys: str) -> None:
        ActionChains(self.browser).send_keys(*keys).perform()

    @property
    def focused(self) -> WebElement:
        return self.browser.switch_to.active_element

    def tab_to(self, is_there: Callable[[WebElement], bool]) -> None:
        """Press Tab until the focus is where it should be; fail if it never gets there."""
        for _ in range(40):
            self.press(Keys.TAB)
            if is_there(self.focused):
                return
        pytest.fail("the focus never got there")

    def wait(self, is_so: Callable[[], object]) -> None:
        """Wait for something; a page may be replaced by the next one while it is read, for which there are many errors."""
        patience = WebDriverWait(self.browser, WAIT_S, 0.05, ignored_exceptions=[WebDriverException])
        patience.until(lambda _: is_so())

    def heard(self) -> str:
        """Return what a screen reader was told last."""
        return self.browser.find_element(By.ID, "said").get_attribute("textContent") or ""

    def text(self, selector: str) -> str:
        return self.browser.find_element(By.CSS_SELECTOR, selector).text.replace("\u00a0", " ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    options = Options()
    options.binary_location = str(CHROMIUM)
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": "ru"})
    running = Chrome(options=options, service=Service(str(DRIVER)))
    yield running
    running.quit()


@pytest.fixture
def hands(browser: Chrome) -> Keyboard:
    browser.delete_all_cookies()
    return Keyboard(browser)


def value_is(value: str) -> Callable[[WebElement], bool]:
    return lambda element: element.get_attribute("value") == value


def is_seat(element: WebElement) -> bool:
    return element.get_attribute("name") == "seat"


def test_a_ticket_is_bought_with_the_keyboard_alone(hands: Keyboard, shop: ShopServer, broker: FakeBroker) -> None:
    for taken in ("P-01-02", "P-02-04"):
        broker.mark(taken, "sold")
    hands.browser.get(shop.url)
    hands.tab_to(lambda element: "Выбрать места: Вишнёвый сад" in (element.get_attribute("aria-label") or ""))
    hands.press(Keys.ENTER)
    hands.wait(lambda: hands.browser.find_elements(By.ID, "hall-json"))

    hands.tab_to(is_seat)
    assert value_is("P-01-01")(hands.focused)
    hands.press(Keys.ARROW_RIGHT)
    assert value_is("P-01-03")(hands.focused)  # the sold one is stepped over
    hands.press(Keys.SPACE)
    assert hands.heard().replace("\u00a0", " ") == "Выбрано: Партер, ряд 1, место 3. Всего 1 место, 4 500 ₽."
    hands.press(Keys.ARROW_DOWN)
    assert value_is("P-02-03")(hands.focused)
    hands.press(Keys.ENTER)
    assert hands.text("#sum") == "9 000 ₽"

    hands.tab_to(lambda element: element.get_attribute("name") == "type-P-02-03")
    hands.press(Keys.ARROW_DOWN)
    hands.wait(lambda: hands.text("#sum") == "7 700 ₽")
    hands.tab_to(lambda element: element.get_attribute("id") == "hold")
    hands.press(Keys.ENTER)

    hands.wait(lambda: hands.browser.find_elements(By.ID, "left"))
    hands.wait(lambda: hands.text("#left").startswith("9:5"))
    for field, text in (("name", "Анна Ким"), ("email", "anna@example.ru"), ("phone", "+7 900 123-45-67")):
        hands.tab_to(lambda element, field=field: element.get_attribute("id") == field)
        hands.press(text)
    hands.press(Keys.ENTER)

    hands.wait(lambda: hands.browser.title == "pay")
    hands.tab_to(lambda element: element.get_attribute("id") == "pay")
    hands.press(Keys.ENTER)
    hands.wait(lambda: "Оплачено. До встречи!" in hands.text("h1"))
    assert [line.text.split("\n")[1] for line in hands.browser.find_elements(By.CSS_SELECTOR, ".ticket")] == [
        "Партер, ряд 1, место 3",
        "Партер, ряд 2, место 3",
    ]


def test_only_one_seat_is_in_the_tab_order(hands: Keyboard, shop: ShopServer) -> None:
    hands.browser.get(f"{shop.url}/performances/p-1")

    hands.tab_to(is_seat)
    hands.press(Keys.END)
    assert value_is("P-01-19")(hands.focused)
    hands.press(Keys.TAB)

    assert not is_seat(hands.focused)


def test_a_chosen_seat_taken_by_another_is_given_up_aloud(
    hands: Keyboard, shop: ShopServer, broker: FakeBroker
) -> None:
    hands.browser.get(f"{shop.url}/performances/p-1")
    hands.tab_to(is_seat)
    hands.press(Keys.SPACE)

    broker.mark("P-01-01", "held")

    hands.wait(lambda: "занял другой" in hands.heard())
    seat = hands.browser.find_element(By.ID, "seat-P-01-01")
    assert (seat.is_enabled(), seat.is_selected()) == (False, False)
    assert "занято" in (seat.get_attribute("aria-label") or "")
    assert is_seat(hands.focused)
    assert hands.text("#cart-empty") == "Выберите места на схеме."


def test_a_freed_seat_can_be_chosen_without_loading_the_page_anew(
    hands: Keyboard, shop: ShopServer, broker: FakeBroker
) -> None:
    broker.mark("P-01-01", "held")
    hands.browser.get(f"{shop.url}/performances/p-1")
    seat = hands.browser.find_element(By.ID, "seat-P-01-01")
    assert not seat.is_enabled()

    broker.mark("P-01-01", "free")

    hands.wait(seat.is_enabled)


def test_the_countdown_speaks_at_five_minutes_and_ends_on_the_servers_word(
    hands: Keyboard, shop: ShopServer, broker: FakeBroker
) -> None:
    broker.hold_lasts_s = 301
    hands.browser.get(f"{shop.url}/performances/p-1")
    hands.tab_to(is_seat)
    hands.press(Keys.SPACE)
    hands.tab_to(lambda element: element.get_attribute("id") == "hold")
    hands.press(Keys.ENTER)

    hands.wait(lambda: hands.browser.find_elements(By.ID, "left"))
    hands.wait(lambda: hands.heard() == "Осталось 5 минут.")
    next(iter(broker.holds.values()))["state"] = "expired"
    hands.browser.execute_script("document.dispatchEvent(new Event('visibilitychange'))")

    hands.wait(lambda: hands.text("h1") == "Время брони вышло")


def test_a_phone_scrolls_the_hall_and_not_the_page(hands: Keyboard, shop: ShopServer) -> None:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    hands.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        hands.browser.get(f"{shop.url}/performances/p-1")

        page, pitch = hands.browser.execute_script(
            "const seats = document.querySelectorAll('.seat'), at = (n) => seats[n].getBoundingClientRect().left;"
            "return [document.documentElement.scrollWidth, at(9) - at(8)]"
        )
        assert page == 390
        assert pitch >= 24  # WCAG 2.5.8: targets of 24 CSS pixels
    finally:
        hands.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
