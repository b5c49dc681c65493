"""The report in a real browser, from disk and without a network: what a reader sees and does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedprune.reports import write

from .chromium import show
from .synthetic import write_run

MAIN = "#figure-accuracy-by-bytes"
HOSTILE = "<img src=x onerror=\"document.title='taken'\"></script>"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("runs")
    names = ("alpha", "beta", "gamma")
    return [write_run(out, name, rounds=8 + 4 * place) for place, name in enumerate(names)] + [
        write_run(out, "hostile", label=HOSTILE)
    ]


@pytest.fixture
def page(browser: Any, runs: list[Path]) -> Iterator[Any]:
    """The report, freshly opened; afterwards the console must be empty."""
    target = runs[0].parent.parent / "browser.html"
    if not target.exists():
        write(runs, target)
    show(browser, target, 1280)
    yield browser
    assert browser.get_log("browser") == []


def find(browser: Any, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def texts(browser: Any, selector: str) -> list[str]:
    return [found.text for found in browser.find_elements("css selector", selector)]


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "rounds.jsonl").read_text().splitlines()]


def tip_of(run: Path, place: int) -> list[str]:
    """What the tooltip of a run's evaluated round must say, from its JSON lines."""
    log = lines(run)
    rounds = [line["round"] for line in log if line["test_score_after"] is not None]
    chosen = rounds[place]
    megabytes = sum(line["bytes_up"] + line["bytes_down"] for line in log[:chosen]) / 1e6
    accuracy = 100 * log[chosen - 1]["test_score_after"]
    return [
        f"round {chosen}",
        f"traffic so far, up and down: {megabytes:.2f} MB",
        f"personal accuracy: {accuracy:.2f} %",
    ]


def test_a_tooltip_says_what_the_lines_say(page: Any, runs: list[Path]) -> None:
    from selenium.webdriver import ActionChains

    for index, name in ((0, "alpha"), (2, "gamma")):
        marker = page.find_elements("css selector", f"{MAIN} .canvas [data-key='m{index}'] .marker")[1]
        ActionChains(page).move_to_element(marker).perform()
        assert find(page, ".tip").text.splitlines() == [name, *tip_of(runs[index], 1)]


def test_arrow_keys_read_a_picture_aloud(page: Any, runs: list[Path]) -> None:
    picture = find(page, f"{MAIN} .canvas svg")
    page.execute_script("arguments[0].focus()", picture)
    for _ in range(3):
        page.switch_to.active_element.send_keys("\ue014")  # right arrow
    said = find(page, "#said").get_attribute("textContent")
    assert said == ", ".join(["alpha", *tip_of(runs[0], 2)])
    page.switch_to.active_element.send_keys("\ue015")  # down arrow
    assert find(page, "#said").get_attribute("textContent").startswith("beta, ")


def test_a_click_on_a_legend_entry_hides_a_method_everywhere(page: Any) -> None:
    def shown(selector: str) -> int:
        return sum(found.is_displayed() for found in page.find_elements("css selector", selector))

    entry = find(page, f"{MAIN} .legend button[data-key='m1']")
    assert entry.text == "beta"
    before = [
        shown(selector)
        for selector in (".canvas [data-key='m1'] .line", "tr[data-method='1']", "#figure-traffic-1-beta")
    ]
    entry.click()
    for selector in (".canvas [data-key='m1'] .line", "tr[data-method='1']", "figure[data-method='1']"):
        assert shown(selector) == 0
    assert set(texts(page, "#figure-clients text.name")) == {
        "alpha",
        "gamma",
        HOSTILE,
        "accuracy of a client (%)",
    }
    buttons = page.find_elements("css selector", ".legend button[data-key='m1']")
    assert {button.get_attribute("aria-pressed") for button in buttons} == {"false"}
    buttons[-1].click()
    after = [
        shown(selector)
        for selector in (".canvas [data-key='m1'] .line", "tr[data-method='1']", "#figure-traffic-1-beta")
    ]
    assert after == before
    assert min(before) > 0


def test_the_table_sorts_by_the_numbers_of_the_runs(page: Any, runs: list[Path]) -> None:
    results = [json.loads((run / "results.json").read_text()) for run in runs]
    labels = ["alpha", "beta", "gamma", HOSTILE]
    for title, field, factor in (
        ("accuracy %", "test_score_personal", 100),
        ("MB up", "bytes_up_total", 1e-6),
    ):
        heads = texts(page, "#table-results thead th")
        column = heads.index(title) + 1
        head = find(page, f"#table-results thead th:nth-child({column})")
        ranked = sorted(zip(results, labels, strict=True), key=lambda pair: pair[0][field])
        for order, direction in ((ranked[::-1], "descending"), (ranked, "ascending")):
            find(head, "button").click()
            assert head.get_attribute("aria-sort") == direction
            assert texts(page, "#table-results tbody th") == [label for _, label in order]
            cells = texts(page, f"#table-results tbody td:nth-child({column})")
            assert cells == [f"{factor * found[field]:.2f}" for found, _ in order]
    find(page, "#table-results thead th:first-child button").click()
    assert texts(page, "#table-results tbody th") == ["gamma", "beta", "alpha", HOSTILE]


def test_dragging_zooms_and_a_double_click_resets(page: Any) -> None:
    from selenium.webdriver import ActionChains

    def axis() -> list[str]:
        return texts(page, "#figure-accuracy-by-round .axes text")

    find(page, "#figure-accuracy-by-round h3").location_once_scrolled_into_view  # noqa: B018
    picture, whole = find(page, "#figure-accuracy-by-round .canvas svg"), axis()
    ActionChains(page).move_to_element_with_offset(picture, -100, -50).click_and_hold().move_by_offset(
        150, 80
    ).release().perform()
    assert axis() != whole
    reset = page.find_elements(
        "xpath", "//figure[@id='figure-accuracy-by-round']//button[text()='reset zoom']"
    )[0]
    assert reset.is_displayed()
    ActionChains(page).double_click(find(page, "#figure-accuracy-by-round .canvas svg")).perform()
    assert axis() == whole
    assert not reset.is_displayed()


@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_window(page: Any, runs: list[Path], width: int) -> None:
    show(page, runs[0].parent.parent / "browser.html", width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    for picture in page.find_elements("css selector", ".canvas svg"):
        assert picture.size["width"] <= width
        assert picture.get_attribute("aria-label")


def test_hostile_names_are_shown_and_do_nothing(page: Any) -> None:
    assert page.title == "synthetic"
    assert HOSTILE in texts(page, f"{MAIN} .legend button")
    assert not page.find_elements("css selector", "img")


@pytest.fixture
def tickets(browser: Any, studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The report on a run whose tickets were studied; afterwards the console must be empty."""
    show(browser, write([studied], tmp_path_factory.mktemp("tickets") / "a.html"), 1280)
    yield browser
    assert browser.get_log("browser") == []


def test_tickets_are_a_section_with_pictures_and_sorted_tables(tickets: Any, studied: Path) -> None:
    from selenium.webdriver import ActionChains

    assert "Tickets" in texts(tickets, "h2")
    for name in ("overlap-agreement", "clusters-matrix", "retrain-accuracy", "connectivity-error"):
        picture = find(tickets, f"#figure-tickets-0-{name} .canvas svg")
        assert picture.is_displayed()
        assert picture.get_attribute("aria-label")
    found = json.loads((studied / "tickets" / "retrain.json").read_text())["result"]["conditions"]
    table = "#table-tickets-0-retrain-0"
    column = texts(tickets, f"{table} thead th").index("accuracy %") + 1
    find(tickets, f"{table} thead th:nth-child({column}) button").click()
    ranked = sorted(found, key=lambda name: -found[name]["score"])
    cells = texts(tickets, f"{table} tbody td:nth-child({column})")
    assert cells == [f"{100 * found[name]['score']:.2f}" for name in ranked]
    diamond = find(tickets, "#figure-tickets-0-retrain-accuracy .mean")
    ActionChains(tickets).move_to_element(diamond).perform()
    name, mean, *_ = find(tickets, ".tip").text.splitlines()
    assert (name, mean) == (next(iter(found)), f"mean: {100 * next(iter(found.values()))['score']:.2f}")


def test_the_matrix_reads_its_cells(tickets: Any, studied: Path) -> None:
    found = json.loads((studied / "tickets" / "overlap.json").read_text())["result"]
    order = json.loads((studied / "tickets" / "clusters.json").read_text())["result"]["order"]
    picture = find(tickets, "#figure-tickets-0-clusters-matrix .canvas svg")
    tickets.execute_script("arguments[0].focus()", picture)
    for _ in range(2):
        tickets.switch_to.active_element.send_keys("\ue014")  # right arrow
    first, _, third = (found["clients"][leaf] for leaf in order[:3])
    agreement = found["agreement"][order[0]][order[2]]
    said = find(tickets, "#said").get_attribute("textContent")
    assert said == f"client {first}, client {third}, {float(f'{agreement:.3g}'):g} agreement"


@pytest.mark.parametrize("width", [400, 1280])
def test_no_ticket_is_wider_than_the_window(tickets: Any, width: int) -> None:
    show(tickets, Path(tickets.current_url.removeprefix("file://")), width)
    assert tickets.execute_script("return document.documentElement.scrollWidth") <= width


def test_print_shows_the_pictures_at_the_pages_width_and_no_buttons(page: Any) -> None:
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    boxes = [
        found.get_dom_attribute("viewBox").split()[2]
        for found in page.find_elements("css selector", ".canvas svg")
    ]
    assert max(map(int, boxes)) == 700
    page.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert int(find(page, f"{MAIN} .canvas svg").get_dom_attribute("viewBox").split()[2]) > 700
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not any(button.is_displayed() for button in page.find_elements("css selector", "button.tool"))
    assert find(page, f"{MAIN} .canvas svg").is_displayed()
    assert all(heading.is_displayed() for heading in page.find_elements("css selector", "h1, h2"))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
