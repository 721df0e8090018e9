"""The web desk and the customer's page in a real browser: what people press, what they then see, and who can read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request, Response, expect

from copilot.asking.models import BY_CUSTOMER
from copilot.stories.models import Story
from copilot.web.render import as_handle
from tests.web.conftest import PASSWORD, PHONE, WORDS, NewPage, OpenHouse, draw, happy_ticket

pytestmark = [
    pytest.mark.browser,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.xdist_group("browser"),
]

YES = "Yes, share this"
NO = "No, thank you"
NEVER = "Don't ask me again"
TAKE_BACK = "Take it back"
ADDRESS = "https://fernway.example/customers#anna"


def fill(page: Page, company: bool | None = None) -> None:
    """Answer every question of the customer's page: first name, on the website, for a year."""
    page.get_by_role("radio", name="My first name only").check()
    if company is not None:
        page.get_by_role("group", name="company").get_by_label("Yes" if company else "No").check()
    page.get_by_role("checkbox", name="On our website").check()
    page.get_by_role("radio", name="One year").check()


def press(page: Page, button: str) -> Response:
    """Press a button that sends its form; return what the page then is."""
    with page.expect_navigation() as navigation:
        page.get_by_role("button", name=button, exact=True).click()
    return navigation.value


def agree(page: Page, link: str, company: bool | None = None) -> None:
    """Open a link and say yes."""
    page.goto(link)
    fill(page, company)
    press(page, YES)
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you!")


def published(house: OpenHouse, page: Page) -> tuple[Story, str]:
    """A story that its customer agreed to, and that stands on the website; and the customer's link."""
    ticket = happy_ticket()
    _, link = house.ask(ticket)
    story = house.story(ticket)
    agree(page, link)
    house.telling.approve_story(story.id, "Priya")
    house.telling.publish(story.id, "website", ADDRESS, "", "Priya")
    return story, link


def answers(house: OpenHouse) -> list[str]:
    return [entry.answer for entry in house.telling.ledger()]


# The customer


def test_a_customer_says_yes_on_a_small_screen_without_scripts(house: OpenHouse, phone: Page) -> None:
    ask, link = house.ask(happy_ticket(company="Berglicht"))
    phone.goto(link)
    expect(phone.get_by_role("heading", level=1)).to_have_text("May we share your words?")
    expect(phone.get_by_text("Mara of Fernway would like")).to_be_visible()
    expect(phone.get_by_label("Your words, exactly as they would appear")).to_have_value(ask.words)
    assert phone.locator("input:checked").count() == 0, "the choice is theirs: nothing is ticked for them"
    draw(phone, "customer-open-phone")

    fill(phone, company=True)
    answer = press(phone, YES)
    assert answer.status == 200
    expect(phone.get_by_role("heading", level=1)).to_have_text("Thank you!")
    expect(phone.get_by_role("blockquote")).to_contain_text(ask.words)
    expect(phone.get_by_role("blockquote")).to_contain_text("Anna, Berglicht")
    agreed = phone.locator("dl")
    for told in ("November 23, 2026", "On our website", "November 23, 2027"):
        expect(agreed).to_contain_text(told)
    expect(agreed).not_to_contain_text("social")
    expect(phone.get_by_text("It has not been published anywhere yet.")).to_be_visible()
    draw(phone, "customer-agreed-phone")

    phone.reload()
    (entry,) = house.telling.ledger()
    assert (entry.answer, entry.words, entry.by) == ("granted", ask.words, BY_CUSTOMER)
    assert (entry.terms.places, entry.terms.shown_as) == (("website",), "Anna, Berglicht")
    assert house.telling.verify_ledger() == 1


def test_pressing_yes_with_nothing_chosen_says_what_is_missing_and_keeps_the_words(
    house: OpenHouse, phone: Page
) -> None:
    ask, link = house.ask(happy_ticket(company="Berglicht"))
    phone.goto(link)
    phone.get_by_label("Your words").fill("You spotted it before I did.")
    assert press(phone, YES).status == 422
    problem = phone.get_by_role("alert")
    expect(problem.get_by_role("heading")).to_have_text("Something is still missing")
    assert problem.get_by_role("listitem").count() == 4
    expect(phone.get_by_label("Your words")).to_have_value("You spotted it before I did.")
    expect(phone.locator(".original")).to_have_text(f"What you wrote to us{ask.words}")
    assert phone.locator("input:checked").count() == 0
    assert house.telling.ledger() == []
    draw(phone, "customer-problem-phone")

    phone.get_by_role("radio", name="My initials only").check()
    press(phone, YES)
    expect(phone.get_by_role("radio", name="My initials only")).to_be_checked()
    assert phone.get_by_role("alert").get_by_role("listitem").count() == 3
    fill(phone, company=False)
    assert press(phone, YES).status == 200
    assert answers(house) == ["granted"]


def test_the_page_fits_a_small_screen_in_every_language(house: OpenHouse, new_page: NewPage) -> None:
    for number, locale in enumerate(("en", "de", "fr", "es"), start=1):
        _, link = house.ask(happy_ticket(locale, f"Anna{number} Berg", "Donaudampfschifffahrtsgesellschaft", number))
        page = new_page((320, 640))
        page.goto(link)
        assert page.locator("html").get_attribute("lang") == locale
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, f"{locale} is {wide} pixels wide"


def test_edited_words_become_the_storys_quote_and_the_original_is_kept(house: OpenHouse, phone: Page) -> None:
    ticket = happy_ticket()
    ask, link = house.ask(ticket)
    story = house.story(ticket)
    phone.goto(link)
    phone.get_by_label("Your words").fill("They repaired our file before we knew that it was broken.")
    fill(phone)
    press(phone, YES)
    expect(phone.get_by_role("blockquote")).to_contain_text("They repaired our file")
    expect(phone.locator(".original")).to_have_text(f"What you wrote to us{ask.words}")
    where = house.desk.story(story.id)
    (quote,) = where.story.quotes
    assert quote.text == "They repaired our file before we knew that it was broken."
    assert quote.original == ask.words
    assert where.state == "awaiting_marketing"
    draw(phone, "customer-agreed-edited-phone")


def test_a_customer_declines_and_nothing_more_is_asked_of_them(house: OpenHouse, phone: Page) -> None:
    ticket = happy_ticket()
    _, link = house.ask(ticket)
    story = house.story(ticket)
    phone.goto(link)
    press(phone, NO)
    expect(phone.get_by_role("heading", level=1)).to_have_text("That is fine")
    assert answers(house) == ["declined"]
    assert house.desk.story(story.id).state == "withdrawn"
    assert not house.telling.person(house.telling.ledger()[0].customer_key).paused_by
    draw(phone, "customer-declined-phone")


@pytest.mark.parametrize("after_a_no", [False, True], ids=["at once", "after a no"])
def test_dont_ask_me_again_pauses_every_ask(house: OpenHouse, phone: Page, after_a_no: bool) -> None:
    ticket = happy_ticket()
    _, link = house.ask(ticket)
    phone.goto(link)
    if after_a_no:
        press(phone, NO)
    press(phone, NEVER)
    expect(phone.get_by_role("heading", level=1)).to_have_text("We will not ask again")
    assert answers(house) == ["declined"]
    key = house.telling.ledger()[0].customer_key
    assert house.telling.person(key).paused_by == BY_CUSTOMER
    again = happy_ticket()
    house.put(again.model_copy(update={"id": "T-2"}))
    verdict = house.desk.guide("test/T-2").verdict
    assert not verdict.ok
    draw(phone, "customer-never-phone")


def test_a_button_in_a_forgotten_tab_changes_nothing_that_was_answered(house: OpenHouse, new_page: NewPage) -> None:
    _, link = house.ask(happy_ticket())
    forgotten = new_page(PHONE, scripts=False)
    forgotten.goto(link)
    agree(new_page(PHONE, scripts=False), link)
    press(forgotten, NO)
    expect(forgotten.get_by_role("heading", level=1)).to_have_text("Thank you!")
    assert answers(house) == ["granted"]


def test_a_withdrawal_empties_wall_api_and_feeds_at_once_and_makes_a_take_down_due(
    house: OpenHouse, phone: Page, screen: Page
) -> None:
    story, link = published(house, phone)
    bearer = {"authorization": f"Bearer {house.team.make_token('the website', 'the operator')}"}

    def pulled(path: str) -> str:
        answer = screen.request.get(house.address + path, headers=bearer)
        assert answer.ok, answer.text()
        return answer.text()

    doors = ("/wall", "/api/v1/stories", "/api/v1/export?format=json", "/feed.json", "/feed.atom")
    for door in doors:
        assert WORDS in pulled(door), door
    screen.goto(f"{house.address}/wall")
    expect(screen.get_by_role("blockquote")).to_contain_text(WORDS)

    phone.goto(link)
    expect(phone.get_by_text(f"On our website: {ADDRESS}")).to_be_visible()
    press(phone, TAKE_BACK)
    expect(phone.get_by_role("heading", level=1)).to_have_text("You have taken it back")
    expect(phone.get_by_role("listitem")).to_have_text(f"On our website: {ADDRESS} (being removed)")
    draw(phone, "customer-withdrawn-phone")

    assert answers(house) == ["granted", "withdrawn"]
    for door in doors:
        assert WORDS not in pulled(door), door
    assert f'"id":"{story.id}"' in pulled("/api/v1/stories").partition('"gone"')[2]
    assert screen.request.get(f"{house.address}/api/v1/stories/{story.id}", headers=bearer).status == 404
    assert screen.request.get(f"{house.address}/cards/{story.id}.svg", headers=bearer).status == 404
    screen.reload()
    expect(screen.get_by_text("No story yet.")).to_be_visible()
    (due,) = house.telling.due().take_downs
    assert (due.story_id, due.address) == (story.id, ADDRESS)


def test_a_visitor_who_comes_back_to_the_wall_no_longer_finds_a_withdrawn_story(
    house: OpenHouse, phone: Page, screen: Page
) -> None:
    _, link = published(house, phone)
    screen.goto(f"{house.address}/wall")
    expect(screen.get_by_role("blockquote")).to_contain_text(WORDS)
    phone.goto(link)
    press(phone, TAKE_BACK)
    screen.goto("about:blank")
    screen.goto(f"{house.address}/wall")
    expect(screen.get_by_text("No story yet.")).to_be_visible()


def test_a_german_customer_reads_and_answers_in_german(house: OpenHouse, phone: Page) -> None:
    _, link = house.ask(happy_ticket("de-AT", "Jana Weiß"))
    phone.goto(link)
    assert phone.locator("html").get_attribute("lang") == "de"
    expect(phone.get_by_role("heading", level=1)).to_have_text("Dürfen wir Ihre Worte weitergeben?")
    expect(phone.get_by_text("Guten Tag Jana,")).to_be_visible()
    draw(phone, "customer-german-open-phone")
    press(phone, "Ja, diesen Text weitergeben")
    expect(phone.get_by_role("alert")).to_contain_text("Es fehlt noch etwas")
    phone.get_by_role("radio", name="Kein Name").check()
    phone.get_by_role("checkbox", name="Innerhalb unseres Unternehmens").check()
    phone.get_by_role("radio", name="Bis ich meine Zustimmung zurücknehme").check()
    press(phone, "Ja, diesen Text weitergeben")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Vielen Dank!")
    expect(phone.locator("dl")).to_contain_text("23. November 2026")
    expect(phone.get_by_role("blockquote")).to_contain_text("eine Kundin oder ein Kunde")
    expect(phone.get_by_role("button", name="Meine Zustimmung zurücknehmen")).to_be_visible()
    (entry,) = house.telling.ledger()
    assert entry.terms.shown_as == "eine Kundin oder ein Kunde"
    draw(phone, "customer-german-agreed-phone")


def test_a_wrong_link_shows_a_page_that_tells_nothing(house: OpenHouse, new_page: NewPage, phone: Page) -> None:
    _, link = house.ask(happy_ticket())
    pages = set()
    for wrong in (
        link[:-1],
        f"{house.address}/p/nothing",
        f"{house.address}/p/{house.links.make('consent')[0]}",
    ):
        answer = phone.goto(wrong)
        assert answer is not None
        assert answer.status == 404
        expect(phone.get_by_role("heading", level=1)).to_have_text("This link leads nowhere")
        pages.add(phone.content())
    assert len(pages) == 1, "nobody learns whether a link is mistyped or was never made"
    draw(phone, "customer-gone-phone")
    german = new_page(PHONE, scripts=False, locale="de-DE")
    german.goto(f"{house.address}/p/nothing")
    expect(german.get_by_role("heading", level=1)).to_have_text("Dieser Link führt nirgendwohin")


# The team


def test_marketing_approves_a_story_records_where_it_stands_and_sees_it_on_the_wall(
    house: OpenHouse, phone: Page, screen: Page
) -> None:
    ticket = happy_ticket()
    _, link = house.ask(ticket)
    story = house.story(ticket)
    agree(phone, link)
    phone.goto(f"{house.address}/wall")
    expect(phone.get_by_text("No story yet.")).to_be_visible()

    house.sign_in(screen, "marketing")
    screen.get_by_label("State").select_option("awaiting marketing")
    screen.get_by_role("button", name="Show").click()
    screen.get_by_role("link", name=story.hook).click()
    press(screen, "Approve for marketing")
    expect(screen.locator(".state")).to_have_text("ready")
    expect(screen.get_by_role("img", name="The card")).to_be_visible()
    drawn = screen.get_by_role("img", name="The card").evaluate("picture => picture.naturalWidth")
    assert drawn > 0, "the card is drawn"
    screen.get_by_label("Address").fill(ADDRESS)
    screen.get_by_label("Campaign").fill("autumn")
    press(screen, "Record it")
    expect(screen.locator(".state")).to_have_text("published")
    expect(screen.get_by_text(f"website: {ADDRESS} (autumn)")).to_be_visible()
    where = house.desk.story(story.id)
    assert (where.state, where.approved_by) == ("published", "Marketing person")

    screen.goto(f"{house.address}/wall")
    expect(screen.get_by_role("blockquote")).to_contain_text(WORDS)
    expect(screen.get_by_role("blockquote")).to_contain_text("Anna")


def test_marketing_has_a_customer_asked_about_other_words(house: OpenHouse, phone: Page, screen: Page) -> None:
    story, _ = published(house, phone)
    shorter = "You spotted the broken row before I even knew."
    house.sign_in(screen, "marketing")
    screen.goto(f"{house.address}/stories/{story.id}")
    screen.get_by_text("Ask the customer about other words").click()
    screen.get_by_label("The words to ask about").fill(shorter)
    press(screen, "Have them asked")
    expect(screen.get_by_text("wants the customer asked about")).to_contain_text(shorter)
    draw(screen, "story-other-words")
    screen.goto(f"{house.address}/due")
    expect(screen.get_by_text("about other words")).to_contain_text("Marketing person")

    house.clock.forward(hours=1)
    _, link = house.send_ask(story.ticket_ref)
    phone.goto(link)
    expect(phone.get_by_role("heading", level=1)).to_have_text("May we use these words instead?")
    expect(phone.locator(".original")).to_have_text(f"What you agreed to before{story.quotes[0].text}")
    expect(phone.get_by_label("Your words, exactly as they would appear")).to_have_value(shorter)
    assert phone.locator("input:checked").count() == 0
    draw(phone, "customer-again-phone")
    screen.goto(link)
    assert in_every_light(screen, "again") == {}
    press(phone, NO)
    expect(phone.get_by_text("what you agreed to before stands")).to_be_visible()
    draw(phone, "customer-again-no-phone")
    screen.goto(f"{house.address}/stories/{story.id}")
    expect(screen.locator(".card blockquote")).to_contain_text(story.quotes[0].text)
    assert house.telling.story(story.id).state == "published"


def test_an_agent_neither_sees_nor_reaches_marketings_key(house: OpenHouse, phone: Page, screen: Page) -> None:
    ticket = happy_ticket()
    _, link = house.ask(ticket)
    story = house.story(ticket)
    agree(phone, link)
    house.sign_in(screen, "agent")
    screen.get_by_role("link", name=story.hook).click()
    expect(screen.locator(".state")).to_have_text("awaiting marketing")
    for name in ("Approve for marketing", "Ask for changes", "Save"):
        expect(screen.get_by_role("button", name=name)).to_have_count(0)
    expect(screen.get_by_role("link", name="Team")).to_have_count(0)
    token = screen.locator("input[name=token]").first.input_value()
    for deed in ("approve", "send-back", "publish", "edit"):
        answer = screen.request.post(f"{house.address}/stories/{story.id}/{deed}", form={"token": token, "reason": "x"})
        assert answer.status == 403, deed
    assert screen.request.get(f"{house.address}/team").status == 403
    assert house.desk.story(story.id).state == "awaiting_marketing"


@pytest.mark.parametrize("name", ["Agent person", "Nobody"])
def test_a_wrong_password_opens_nothing_and_says_no_more_than_that(house: OpenHouse, screen: Page, name: str) -> None:
    house.account("agent")
    screen.goto(f"{house.address}/stories")
    expect(screen).to_have_url(f"{house.address}/sign-in")
    screen.get_by_label("Name").fill(name)
    screen.get_by_label("Password").fill(PASSWORD + "!")
    assert press(screen, "Sign in").status == 401
    expect(screen.get_by_role("alert")).to_have_text("Name or password is wrong.")
    draw(screen, "sign-in-wrong")
    assert screen.context.cookies() == []
    screen.goto(f"{house.address}/stories")
    expect(screen).to_have_url(f"{house.address}/sign-in")


def test_signing_out_ends_the_session(house: OpenHouse, screen: Page) -> None:
    house.sign_in(screen, "lead")
    kept = screen.context.cookies()
    assert [(cookie.get("httpOnly"), cookie.get("sameSite")) for cookie in kept] == [(True, "Lax")]
    press(screen, "Sign out")
    screen.context.add_cookies([{"name": c["name"], "value": c["value"], "url": house.address} for c in kept])
    screen.goto(f"{house.address}/stories")
    expect(screen).to_have_url(f"{house.address}/sign-in")


# What a page may load


@contextmanager
def watched(page: Page) -> Iterator[list[Request]]:
    """Every request that a page makes."""
    made: list[Request] = []

    def note(request: Request) -> None:
        made.append(request)

    page.on("request", note)
    yield made
    page.remove_listener("request", note)


def directives(policy: str) -> Mapping[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def test_a_page_loads_nothing_from_elsewhere_and_says_that_it_may_not(
    house: OpenHouse, phone: Page, screen: Page
) -> None:
    story, link = published(house, phone)
    house.sign_in(screen, "admin")
    paths = ("/wall", "/sign-in", "/stories", f"/stories/{story.id}", "/due", "/people", "/overview", "/team", "/p/no")
    for address in (link, *(house.address + path for path in paths)):
        with watched(screen) as requests:
            answer = screen.goto(address)
        assert answer is not None
        policy = directives(answer.header_value("content-security-policy") or "")
        assert policy["default-src"] == ["'none'"], address
        assert {value for name, values in policy.items() if name.endswith("-src") for value in values} <= {
            "'none'",
            "'self'",
        }, address
        assert policy["base-uri"] == ["'none'"]
        assert policy["form-action"] == ["'self'"]
        assert policy["frame-ancestors"] == (["*"] if address.endswith("/wall") else ["'none'"]), address
        assert answer.header_value("x-content-type-options") == "nosniff"
        assert requests
        for request in requests:
            assert request.url.startswith(f"{house.address}/"), request.url
            loaded = request.response()
            assert loaded is not None
            assert loaded.status < 400 or request.url.endswith("/p/no"), request.url
        assert screen.locator("script, [style], style, iframe, [onclick]").count() == 0, address


def test_the_browser_blocks_what_somebody_slips_into_a_page(house: OpenHouse, screen: Page) -> None:
    _, link = house.ask(happy_ticket())
    screen.goto(link)
    blocked = screen.evaluate(
        """async () => {
            const seen = new Set();
            document.addEventListener("securitypolicyviolation", event => seen.add(event.effectiveDirective));
            const add = (name, values) => document.body.appendChild(Object.assign(document.createElement(name), values));
            add("script", {textContent: "window.slipped = true"});
            add("style", {textContent: "body { display: none }"});
            add("img", {src: "http://127.0.0.1:9/pixel"});
            add("iframe", {src: "http://127.0.0.1:9/frame"});
            await fetch("/health").catch(() => null);
            for (let turn = 0; turn < 200 && seen.size < 5; turn++) await new Promise(done => setTimeout(done, 10));
            return {seen: [...seen].sort(), slipped: window.slipped === true};
        }"""
    )
    assert blocked["seen"] == ["connect-src", "frame-src", "img-src", "script-src-elem", "style-src-elem"]
    assert not blocked["slipped"]
    expect(screen.get_by_role("heading", level=1)).to_be_visible()


# Everybody can read it


def faults(page: Page) -> list[str]:
    """What axe-core calls serious or critical on a page as it stands, and whether it runs out of the window."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [
        f"{one['id']}: {node['html']} {node.get('failureSummary', '')}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ] + (["it is wider than the window"] if wide else [])


def in_every_light(page: Page, name: str) -> dict[str, list[str]]:
    """The faults of a page, light and dark, on a wide screen and on a phone."""
    found = {}
    before = page.viewport_size
    for light in ("light", "dark"):
        for size, (width, height) in {"wide": (1280, 900), "phone": PHONE}.items():
            page.emulate_media(color_scheme=light)
            page.set_viewport_size({"width": width, "height": height})
            draw(page, f"{name}-{light}-{size}")
            if faulty := faults(page):
                found[f"{name}, {light}, {size}"] = faulty
    page.emulate_media(color_scheme="light")
    if before is not None:
        page.set_viewport_size(before)
    return found


def test_every_page_of_the_customers_can_be_read_by_everybody(house: OpenHouse, screen: Page) -> None:
    found: dict[str, list[str]] = {}
    first = happy_ticket(company="Berglicht")
    _, link = house.ask(first)
    story = house.story(first)
    screen.goto(link)
    found |= in_every_light(screen, "open")
    screen.get_by_label("Your words").fill("You spotted it before I did.")
    press(screen, YES)
    found |= in_every_light(screen, "problem")
    fill(screen, company=True)
    press(screen, YES)
    house.telling.approve_story(story.id, "Priya")
    house.telling.publish(story.id, "website", ADDRESS, "", "Priya")
    screen.reload()
    found |= in_every_light(screen, "agreed")
    screen.goto(f"{house.address}/wall")
    found |= in_every_light(screen, "wall")
    screen.goto(link)
    press(screen, TAKE_BACK)
    found |= in_every_light(screen, "withdrawn")
    screen.goto(f"{house.address}/p/nothing")
    found |= in_every_light(screen, "gone")
    _, link = house.ask(happy_ticket(name="Ben Okoro", number=2))
    screen.goto(link)
    press(screen, NO)
    found |= in_every_light(screen, "declined")
    press(screen, NEVER)
    found |= in_every_light(screen, "never")
    assert found == {}


def test_every_page_of_the_teams_can_be_read_by_everybody(house: OpenHouse, screen: Page) -> None:
    found: dict[str, list[str]] = {}
    story, link = published(house, screen)
    second = happy_ticket(name="Ben Okoro", company="Harbour & Sons", number=2)
    _, other_link = house.ask(second)
    other = house.story(second)
    agree(screen, other_link, company=False)
    third = happy_ticket(name="Chidi Eze", number=3)
    house.ask(third)
    house.story(third)
    house.telling.publish(story.id, "website", "https://fernway.example/autumn", "autumn", "Priya")
    screen.goto(f"{house.address}/sign-in")
    found |= in_every_light(screen, "sign-in")
    house.sign_in(screen, "admin")
    for path, name in (
        ("/stories", "stories"),
        (f"/stories/{story.id}", "story-published"),
        (f"/stories/{other.id}", "story-awaiting-marketing"),
        ("/people", "people"),
        (f"/people/{as_handle(story.customer_key)}", "person"),
        ("/overview", "overview"),
        ("/overview/asked?by=signal&name=proactive_fix", "counted"),
        ("/stories/s-nothing", "fault"),
    ):
        screen.goto(house.address + path)
        for closed in screen.locator("summary").all():
            closed.click()
        found |= in_every_light(screen, name)
    screen.goto(f"{house.address}/team")
    screen.get_by_label("What is it for?").fill("the website")
    press(screen, "Make a token")
    expect(screen.get_by_role("status")).to_contain_text(re.compile("shown this once: dl_"))
    found |= in_every_light(screen, "team")

    house.clock.forward(days=8)
    house.sign_in(screen, "admin")
    screen.goto(link)
    press(screen, TAKE_BACK)
    screen.goto(f"{house.address}/due")
    expect(screen.get_by_role("button", name="Reminded")).to_be_visible()
    expect(screen.get_by_role("button", name="Cleared").first).to_be_visible()
    found |= in_every_light(screen, "due")
    screen.goto(f"{house.address}/stories/{story.id}")
    found |= in_every_light(screen, "story-withdrawn")
    assert found == {}
