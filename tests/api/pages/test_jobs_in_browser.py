"""A job is watched in a real browser."""

from typing import Any

from api.store.runs import LEASE, Kind, State, ask, claim, finish, report
from tests.api.pages.conftest import Office
from tests.api.pages.windows import faults, opened, served
from tests.api.report.test_in_browser import until

LISTEN = """() => {
  const live = document.querySelector("p.sr[role=status]");
  new MutationObserver(() => heard(live.textContent)).observe(live, { childList: true });
}"""
"""Tells what a screen reader would say."""


def test_a_job_is_watched_to_its_end(browser: Any, office: Office) -> None:
    """What was heard last stays while the server is away, a further attempt is said, and then nothing is asked."""
    engine, desk, heard = office.desk.engine, office.desk, list[str]()
    run = ask(engine, Kind.FIT, by="Anton", now=desk.now)
    with served(desk.app) as url:
        window = opened(browser, viewport={"width": 390, "height": 800}, color_scheme="dark", locale="en-GB")
        window.sign_in(url, "Anton")
        page = window.page
        page.expose_function("heard", lambda text: heard.append(text))  # noqa: PLW0108  # a builtin cannot be exposed
        page.goto(f"{url}/desk/jobs/{run.id}")
        page.evaluate(LISTEN)

        taken = claim(engine, "w1", now=desk.now)
        assert taken is not None
        report(engine, taken, stage="fitting price response", progress=0.4, now=desk.now)
        until(page, "document.querySelector('[data-percent]').textContent === '40%'")
        assert page.inner_text("[data-stage]") == "learning how buyers react to prices"
        assert page.locator("[data-steps] .over").count() == 1

        page.route("**/progress", lambda route: route.fulfill(status=503, body="{}"))
        until(page, "!document.querySelector('[data-away]').hidden")
        assert page.inner_text("[data-percent]") == "40%"
        assert faults(page) == []
        page.unroute("**/progress")
        until(page, "document.querySelector('[data-away]').hidden")

        desk.machine.wait(LEASE)
        further = claim(engine, "w2", now=desk.now)
        assert further is not None
        until(page, "!document.querySelector('[data-again]').hidden")
        assert page.inner_text("[data-again]").startswith("Attempt 2: a worker ended in the middle of it")
        assert page.inner_text("[data-percent]") == "0%"
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        with page.expect_navigation():
            finish(engine, further, State.DONE, {"model_version": "f1", "price_responses": {"weak": 3}}, now=desk.now)
        assert "It is done" in page.inner_text(".verdict")
        assert page.locator("script[src*=jobs]").count() == 0, "it is asked for no more"
        page.context.close()
    assert [text for text in window.said if "503" not in text] == []
    said = [text.removeprefix("Learn from sales: ").split(":")[0].split(".")[0] for text in heard]
    assert said[:2] == ["learning how buyers react to prices", "The server does not answer"]
    assert "Attempt 2" in said
    assert said[-1] == "Done"
