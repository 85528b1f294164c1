"""The pictures of the price desk in README: the demo, as Chromium shows it. Run `python docs/pictures.py`.

It simulates the season of `fairfare demo`, prices it again so that a proposal waits, and writes `docs/pictures/*.png`.
"""

import shutil
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from api.app import create_app
from api.clock import SteadyClock, utc_now
from api.rehearsal import rehearse
from api.served.follower import Follower
from api.served.snapshot import SNAPSHOT_NAME
from api.store.database import open_database
from api.store.users import Role, Users
from optimization import HighsOptimizer
from pricing.model import ALL

FOLDER = Path(__file__).parent / "pictures"
WHO, PASSWORD = "Ada", "shown to nobody, for a minute"
WIDTH = 1440
SHOTS: dict[str, tuple[str, int, Literal["light", "dark"]]] = {
    "overview": ("/desk/", 1060, "light"),
    "event": ("/desk/events/{event}", 1240, "light"),
    "response": ("/desk/response", 1060, "dark"),
}
"""Page, height [px] and theme of each picture."""


def demo(root: Path) -> tuple[Any, str]:
    """The desk of a season on sale whose next prices wait for approval, and the event with the most at stake."""
    now = utc_now()
    place = rehearse(root, now=now, seed=7, manager="Ben", progress=lambda *_: None).workspace
    proposal = place.price(HighsOptimizer(), by="engine", now=now + timedelta(seconds=1))
    Users(open_database(place.database)).add(WHO, Role.APPROVER, PASSWORD, by=WHO, now=now)
    follower = Follower(place.database, root / SNAPSHOT_NAME, clock=SteadyClock())
    follower.refresh()
    gains = {total.event: total.gain.expected for total in proposal.gains if total.event not in {None, ALL}}
    app = create_app(follower, root=root, now=follower.now, refresh=follower.refresh)
    return app, str(max(gains, key=lambda event: gains[event]))


def main() -> None:
    """Take every picture."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app, event = demo(Path(folder) / "season")
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (path, height, theme) in SHOTS.items():
            page = chromium.new_page(viewport={"width": WIDTH, "height": height}, color_scheme=theme, locale="en-IE")
            page.goto(f"http://127.0.0.1:{server.server_port}{path.format(event=event)}")
            page.fill("[name=name]", WHO)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_selector(".rails")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
        chromium.close()
        server.shutdown()


if __name__ == "__main__":
    main()
